/* Between two runs of a container that is started again: its monitor has ended, and whoever looks on is still there. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/time_types.h>
#include <asm/signal.h>
#include "native.h"
#include "socket.h"
#include "system.h"

/* Of whoever runs it in the foreground. Others who send a signal may be sure that it is started again. */
int asks_for_end(const u8 *packet, long size) {
  if (size < 3 || packet[0] != PACKET_SIGNAL || !packet[2]) return 0;
  return packet[1] == SIGINT || packet[1] == SIGTERM || packet[1] == SIGKILL;
}

/* Whether one that has gone let go of the container, which then is started again; what it typed before is nobody's. */
static int has_left(int client) {
  for (;;) {
    u8 packet[3] = {0};
    long size = SYS_6(__NR_recvfrom, client, packet, sizeof packet, 0x40 /* MSG_DONTWAIT */, 0, 0);
    if (size == -ECONNRESET) continue; /* it has not read all that was written: what it said last is still to come (unix(7)) */
    if (size <= 0 || asks_for_end(packet, size)) return 0;
    if (packet[0] == PACKET_LEAVE) return 1;
  }
}

/* Puts one in its place that leaves the next monitor, too. */
static long leave(int client) {
  int ends[2];
  u8 packet = PACKET_LEAVE;
  long result = SYS_4(__NR_socketpair, 1 /* AF_UNIX */, 5 /* SOCK_SEQPACKET */ | O_CLOEXEC, 0, ends);
  if (result < 0) return result;
  SYS_6(__NR_sendto, ends[1], &packet, 1, 0x4000 /* MSG_NOSIGNAL */, 0, 0);
  SYS_1(__NR_close, ends[1]);
  result = SYS_3(__NR_dup3, ends[0], client, O_CLOEXEC);
  SYS_1(__NR_close, ends[0]);
  return result;
}

/*
 * Until the time is over, or somebody connects: that asks for the end. So does who runs it in the foreground and goes, or says so; what
 * was typed is left for the program.
 */
long op_wait_for(u64 milliseconds, int listener, int client, int owns) {
  /* the kernel leaves in it what is left */
  struct __kernel_timespec time = {(long)milliseconds / 1000, (long)milliseconds % 1000 * 1000000};
  struct pollfd polls[] = {{.fd = listener, .events = POLLIN}, {.fd = client, .events = POLLIN}};
  for (;;) {
    long result = SYS_5(__NR_ppoll, polls, 2, &time, 0, 8);
    if (result == -EINTR) continue;
    if (result <= 0) return 0;
    if (polls[0].revents != 0) return -ECANCELED;
    if (polls[1].revents & (POLLHUP | POLLERR)) {
      if (!has_left(client) && owns) return -ECANCELED;
      if (leave(client) < 0) return -ECANCELED;
      polls[1].fd = -1;
      continue;
    }
    u8 packet[3] = {0};
    long size = SYS_6(__NR_recvfrom, client, packet, sizeof packet, 0x42 /* MSG_DONTWAIT | MSG_PEEK */, 0, 0);
    if (size >= 2 && packet[0] == PACKET_SIGNAL) {
      if (asks_for_end(packet, size)) return -ECANCELED;
      SYS_6(__NR_recvfrom, client, packet, sizeof packet, 0x40 /* MSG_DONTWAIT */, 0, 0);
    } else polls[1].events = 0;
  }
}
