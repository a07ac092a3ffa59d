/*
 * Makes one system call under a filter, in the kernel itself.
 *
 *     payload FILTER FLAGS ABI NUMBER [ARGUMENT]...
 *
 * FILTER is a file with the program, or "-" for none. ABI is "native", "i386" for int 0x80 on x86-64, or "direct", which is
 * native without a filter and without a child. Prints what the call
 * returned, -errno included, or "killed by N". The call is made by a child, which writes nothing: the filter may forbid that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PROGRAM (4096 * sizeof(struct sock_filter))

static long raw_call(const char *abi, const long *argument)
{
#ifdef __x86_64__
	if (strcmp(abi, "i386") == 0) {
		long result = argument[0];
		__asm__ volatile("push %%rbp; mov %7, %%rbp; int $0x80; pop %%rbp"
				 : "+a"(result)
				 : "b"(argument[1]), "c"(argument[2]), "d"(argument[3]), "S"(argument[4]),
				   "D"(argument[5]), "r"(argument[6])
				 : "memory", "r8", "r9", "r10", "r11");
		return (int)result;
	}
	long result = argument[0];
	register long r10 __asm__("r10") = argument[4];
	register long r8 __asm__("r8") = argument[5];
	register long r9 __asm__("r9") = argument[6];
	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(argument[1]), "S"(argument[2]), "d"(argument[3]), "r"(r10), "r"(r8), "r"(r9)
			 : "memory", "rcx", "r11");
	return result;
#else
	(void)abi;
	register long x8 __asm__("x8") = argument[0];
	register long x0 __asm__("x0") = argument[1];
	register long x1 __asm__("x1") = argument[2];
	register long x2 __asm__("x2") = argument[3];
	register long x3 __asm__("x3") = argument[4];
	register long x4 __asm__("x4") = argument[5];
	register long x5 __asm__("x5") = argument[6];
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#endif
}

static struct sock_fprog load(const char *path)
{
	static char program[MAX_PROGRAM];
	int file = open(path, O_RDONLY);
	ssize_t size = file < 0 ? -1 : read(file, program, sizeof(program));

	if (size < 0) {
		perror(path);
		exit(1);
	}
	close(file);
	return (struct sock_fprog){ .len = size / sizeof(struct sock_filter), .filter = (struct sock_filter *)program };
}

int main(int argc, char **argv)
{
	long call[7] = { 0 };
	/* below 4 GiB, so that i386 can point at it: AF_ALG, SOCK_SEQPACKET, 0 for socketcall */
	int *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
						| MAP_32BIT
#endif
			, -1, 0);
	long *result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (argc < 5 || low == MAP_FAILED || result == MAP_FAILED)
		return 1;
	memcpy(low, (int[]){ 38, 5, 0 }, 3 * sizeof(int));
	for (int index = 4; index < argc && index < 11; index++)
		call[index - 4] = strcmp(argv[index], "low") == 0 ? (long)low : (long)strtoull(argv[index], NULL, 0);

	if (strcmp(argv[3], "direct") == 0) {
		printf("%ld\n", raw_call(argv[3], call));
		return 0;
	}
	struct sock_fprog program = { 0 };
	if (strcmp(argv[1], "-") != 0)
		program = load(argv[1]);

	pid_t child = fork();
	if (child == 0) {
		if (program.filter != NULL) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, strtoul(argv[2], NULL, 0), &program) < 0)
				_exit(99);
		}
		*result = raw_call(argv[3], call);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || (WIFEXITED(status) && WEXITSTATUS(status) == 99))
		return 1;
	if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	else
		printf("%ld\n", *result);
	return 0;
}
