/* Clocks, and waiting no longer than so long. */
#include <linux/poll.h>
#include <linux/time_types.h>
#include "native.h"
#include "system.h"

u64 clock_milliseconds(int which) {
  struct __kernel_timespec now;
  SYS_2(__NR_clock_gettime, which, &now);
  return (u64)now.tv_sec * 1000 + (u64)now.tv_nsec / 1000000;
}

/* As ppoll(2), which a signal can end. A negative time is any. */
long poll_for(struct pollfd *polls, u32 count, long milliseconds) {
  struct __kernel_timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return SYS_5(__NR_ppoll, polls, count, milliseconds < 0 ? 0 : &time, 0, 8);
}
