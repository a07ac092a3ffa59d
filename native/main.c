/* Starts with `tsbox-native PLAN`, PLAN being the number of a descriptor that holds a plan (plan.h). */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>
#include "native.h"
#include "system.h"

static struct process self;

static long parse(const char *text) {
  long value = 0;
  if (text == 0 || *text == 0) return -1;
  for (; *text != 0; text++) {
    if (*text < '0' || *text > '9' || value > 1000000) return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

static long load(int fd) {
  struct statx stat;
  long result = SYS_5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stat);
  if (result < 0) return result;
  if (stat.stx_size > PLAN_MAX_SIZE) return -EFBIG;
  long base = SYS_6(__NR_mmap, 0, stat.stx_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (base < 0 && base > -4096) return base;
  return plan_decode(&self.plan, (const u8 *)base, stat.stx_size);
}

/* Called by _start with the stack as the kernel left it: argc, argv, 0, env, 0. */
__attribute__((used)) _Noreturn void start(long *stack) {
  char **argv = (char **)(stack + 1);
  long fd = stack[0] == 2 ? parse(argv[1]) : -1;
  for (u32 i = 0; i < PLAN_SLOTS; i++) self.fd[i] = -1;
  for (u32 i = 0; i < 3; i++) self.fd[i] = (int)i;
  self.fd[3] = (int)fd;
  self.is_first = 1;
  self.subject = self.terminal = self.report_file = self.upstream = -1;
  block_signals(); /* until they are forwarded; those that come in between stay pending */
  if (fd < 0 || load((int)fd) < 0 || make_report_pipe(&self) < 0) exit_process(REPORT_STATUS);
  SYS_3(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC);
  run_program(&self, 0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call start\n");
#else
__asm__(".globl _start\n_start: mov x29,#0\n mov x30,#0\n mov x0,sp\n bl start\n");
#endif

/* The compiler may call these for copies and initialisers. */
void *memcpy(void *to, const void *from, u64 size) {
  for (u64 i = 0; i < size; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
  return to;
}

void *memset(void *to, int value, u64 size) {
  for (u64 i = 0; i < size; i++) ((u8 *)to)[i] = (u8)value;
  return to;
}
