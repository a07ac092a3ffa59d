/*
 * Answers what a filter asks: seccomp_unotify(2).
 *
 *     listener SOCKET ANSWER [SECONDS]
 *
 * ANSWER is a number that calls return (-errno included) or "continue", which lets the kernel carry them out. Prints "ready" when
 * SOCKET can be connected to; then, of one connection, "state JSON", how many descriptors came with it, and how it ended; then
 * "asked NUMBER FIRST_ARGUMENT" for each call; and "end" when the last process under the filter is gone. With SECONDS, it waits
 * so long before it reads from the connection.
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_STATE (4 << 20)

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* Everything up to the end of the connection; the descriptor that came last. */
static int receive(int connection, char *state, size_t *length, int *count)
{
	int listener = -1;

	for (;;) {
		union {
			char bytes[CMSG_SPACE(4 * sizeof(int))];
			struct cmsghdr header;
		} control;
		struct iovec part = { state + *length, MAX_STATE - *length };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
		ssize_t size = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);

		if (size <= 0)
			return size < 0 ? -1 : listener;
		*length += size;
		for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each != NULL; each = CMSG_NXTHDR(&message, each)) {
			if (each->cmsg_type != SCM_RIGHTS)
				continue;
			*count += (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(&listener, CMSG_DATA(each), sizeof(int));
		}
	}
}

int main(int argc, char **argv)
{
	static char state[MAX_STATE + 1];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = 0;
	int count = 0;

	if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	strcpy(address.sun_path, argv[1]);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(server, 1) != 0)
		return fail(argv[1]);
	printf("ready\n");
	int connection = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0)
		return fail("accept");
	if (argc > 3)
		sleep(atoi(argv[3]));
	int listener = receive(connection, state, &length, &count);
	if (listener < 0)
		return fail("recvmsg");
	printf("state %s\ndescriptors %d\n", state, count);

	for (;;) {
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp answer = { 0 };
		struct pollfd poll_listener = { .fd = listener, .events = POLLIN };

		if (poll(&poll_listener, 1, -1) < 0)
			return fail("poll");
		if (!(poll_listener.revents & POLLIN))
			break;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
			continue;
		printf("asked %d %llu\n", asked.data.nr, asked.data.args[0]);
		answer.id = asked.id;
		if (strcmp(argv[2], "continue") == 0)
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else if (argv[2][0] == '-')
			answer.error = atoi(argv[2]);
		else
			answer.val = atoi(argv[2]);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	printf("end\n");
	return 0;
}
