/* Between two runs of a container that is started again: its monitor has ended, and whoever looks on is still there. */
#include <linux/errno.h>
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

/*
 * Until the time is over, or somebody connects: that asks for the end. So does a client that goes, or says so; what it has typed
 * is left for the program.
 */
long op_wait_for(u64 milliseconds, int listener, int client) {
  /* the kernel leaves in it what is left */
  struct __kernel_timespec time = {(long)milliseconds / 1000, (long)milliseconds % 1000 * 1000000};
  struct pollfd polls[] = {{.fd = listener, .events = POLLIN}, {.fd = client, .events = POLLIN}};
  for (;;) {
    long result = SYS_5(__NR_ppoll, polls, 2, &time, 0, 8);
    if (result == -EINTR) continue;
    if (result <= 0) return 0;
    if (polls[0].revents != 0 || polls[1].revents & (POLLHUP | POLLERR)) return -ECANCELED;
    u8 packet[3] = {0};
    long size = SYS_6(__NR_recvfrom, client, packet, sizeof packet, MSG_DONTWAIT | MSG_PEEK, 0, 0);
    if (size >= 2 && packet[0] == PACKET_SIGNAL) {
      if (asks_for_end(packet, size)) return -ECANCELED;
      SYS_6(__NR_recvfrom, client, packet, sizeof packet, MSG_DONTWAIT, 0, 0);
    } else polls[1].events = 0;
  }
}
