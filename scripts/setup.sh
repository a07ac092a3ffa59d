#!/usr/bin/env bash
# Installs the Debian packages that are missing: `scripts/setup.sh demo` for building and running, `scripts/setup.sh test`
# for the tests and the benchmarks as well. Needs root for that; anybody else is told the command to give to root.
set -euo pipefail

demo=(
  gcc              # the native program
  libc6-dev        # its headers: linux/*.h come with it
  uidmap           # newuidmap, newgidmap: subordinate ids, so that a container can have more than one user
  passt            # pasta: the network of a container
  fuse-overlayfs   # the root file system where the kernel cannot mount overlay for a user
  busybox-static   # what the demonstration's image is made of
)

test=(
  gcc-aarch64-linux-gnu libc6-dev-arm64-cross   # the native program for arm64
  gcc-x86-64-linux-gnu libc6-dev-amd64-cross    # and for x86-64, on arm64 machines
  clang                                         # the plan decoder under the sanitizers
  libseccomp-dev golang-github-containers-common # what compiled seccomp filters are compared with, and Podman's profile
  linux-libc-dev-armhf-cross                    # system call numbers of 32-bit arm
  slirp4netns                                   # the other network
  curl tmux                                     # clients of published ports, people at terminals
  libarchive-tools                              # bsdtar: archives that GNU tar would not write
  docker-registry                               # the registry that images are pulled from
  skopeo umoci buildah                          # write images that tsbox reads, read what tsbox writes
  podman crun runc bubblewrap                   # run beside tsbox, for comparison
  criu                                          # dumps and restores the processes of containers
  containerd docker.io containernetworking-plugins iptables # call tsbox as their runtime
  # the OCI's validation suite is built from Debian's source with Debian's libraries
  golang-go golang-github-blang-semver-dev golang-github-google-uuid-dev golang-github-hashicorp-go-multierror-dev
  golang-github-mrunalp-fileutils-dev golang-github-opencontainers-selinux-dev golang-github-opencontainers-specs-dev
  golang-github-sirupsen-logrus-dev golang-github-urfave-cli-dev golang-github-xeipuuv-gojsonschema-dev
  golang-gocapability-dev golang-golang-x-sys-dev
  mmdebstrap                                    # makes a real Debian image
  git openssl python3 strace tar zstd           # used by single tests
  iproute2 procps util-linux                    # ip and ss, ps, unshare and runuser
  libcap2-bin attr acl                          # getcap, getfattr, getfacl
  zsh fish                                      # complete command lines, as bash does
  man-db mandoc                                 # render the man pages
  qemu-user-static libc6-arm64-cross            # starts the arm64 executable
  qemu-system-x86 e2fsprogs                     # other kernels, in virtual machines
)

case "${1:-}" in
  demo) wanted=("${demo[@]}") ;;
  test) wanted=("${demo[@]}" "${test[@]}") ;;
  *) echo "usage: $0 demo|test" >&2; exit 2 ;;
esac

# A compiler for the machine's own architecture is gcc itself: its cross package exists only on other machines.
case "$(uname -m)" in
  x86_64) own=(gcc-x86-64-linux-gnu libc6-dev-amd64-cross) ;;
  aarch64) own=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross libc6-arm64-cross) ;;
  *) echo "tsbox runs on x86-64 and arm64, not on $(uname -m)" >&2; exit 1 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  [[ " ${own[*]} " == *" $package "* ]] && continue
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

command=(apt-get install --yes --no-install-recommends "${missing[@]}")
if [[ $(id -u) -ne 0 ]]; then
  echo "These packages are missing; please have root run:" >&2
  echo "  ${command[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Nobody wants a registry running on this machine: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update --quiet --quiet
"${command[@]}" --quiet --quiet </dev/null >/dev/null
