/* Filters of system calls, and handing a filter's listener to whoever is to answer it: seccomp(2), seccomp_unotify(2). */
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/time_types.h>
#include "native.h"
#include "socket.h"
#include "system.h"

#define NO_LISTENER_YET (-1)
#define NO_LISTENER_EVER (-2)
#define POLL_NANOSECONDS 50000
#define MAX_PARTS 8
#define STACK_SIZE 16384

long load_seccomp(u64 flags, const u8 *program, u64 size) {
  struct {
    u16 length;
    const void *filter;
  } argument = {(u16)(size / 8), program};
  return SYS_3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &argument);
}

/*
 * Once the filter is loaded, any call of this thread may be refused, kill it, or wait for an answer that nobody can give
 * before the listener has the descriptor. So a second thread sends it, which began before and has no filter. It shares the
 * descriptors and the memory, through which the two speak without a call. Unlike a child it is nothing that has to be
 * waited for, which would be a call, too: threads leave no zombie.
 */
static struct {
  struct process *self;
  const struct plan_op *op;
  const char *state;
  int socket;
  int listener;
  u32 alive; /* the kernel clears it when the thread ends: CLONE_CHILD_CLEARTID */
} handover;

static u8 stack[STACK_SIZE] __attribute__((aligned(16)));

/* Returns in the caller's thread only: the new one runs `function`, which must not return. */
long start_thread(u64 flags, void *top, u32 *cleared, void (*function)(void));

#if defined(__x86_64__)
__asm__(".text\n.globl start_thread\nstart_thread:\n"
        " mov %rcx,%r9\n mov %rdx,%r10\n xor %edx,%edx\n xor %r8d,%r8d\n mov $56,%eax\n syscall\n"
        " test %rax,%rax\n jz 1f\n ret\n"
        "1: xor %ebp,%ebp\n call *%r9\n ud2\n");
#else
__asm__(".text\n.globl start_thread\nstart_thread:\n"
        " mov x9,x3\n mov x4,x2\n mov x2,#0\n mov x3,#0\n mov x8,#220\n svc #0\n"
        " cbz x0,1f\n ret\n"
        "1: mov x29,#0\n mov x30,#0\n blr x9\n brk #0\n");
#endif

/* The state with the pid in its places (plan.h, OP_EXPAND), without a copy, because it may be long. */
static long send_state(int socket, int listener) {
  struct part parts[MAX_PARTS];
  char pid[24];
  u32 count = 0, digits = decimal(pid, (u64)handover.self->subject_pid);
  for (const char *text = handover.state;;) {
    const char *end = text;
    while (*end != 0 && *end != 1) end++;
    if (count + 2 > MAX_PARTS) return -E2BIG;
    parts[count++] = (struct part){(void *)text, (u64)(end - text)};
    if (*end == 0) break;
    parts[count++] = (struct part){pid, digits};
    text = end + 1;
  }
  return send_with_descriptor(socket, listener, parts, count);
}

static void hand_over(void) {
  struct __kernel_timespec pause = {0, POLL_NANOSECONDS};
  int listener;
  while ((listener = __atomic_load_n(&handover.listener, __ATOMIC_ACQUIRE)) == NO_LISTENER_YET)
    SYS_2(__NR_nanosleep, &pause, 0);
  if (listener >= 0) {
    long result = send_state(handover.socket, listener);
    /* the other thread might not be allowed to; a connection is for one state (config-linux.md) */
    SYS_1(__NR_close, listener);
    SYS_1(__NR_close, handover.socket);
    /* nor to report it; this ends both */
    if (result < 0) fail_operation(handover.self, (u32)(handover.op - handover.self->plan.ops), result);
  }
  for (;;) SYS_1(__NR_exit, 0);
}

long seccomp_notify(struct process *self, const struct plan_op *op, u64 flags, const u8 *program, u64 size, int socket,
                    const char *state) {
  handover.self = self;
  handover.op = op;
  handover.state = state;
  handover.socket = socket;
  handover.listener = NO_LISTENER_YET;
  handover.alive = 1;
  long result = start_thread(
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
      stack + sizeof stack, &handover.alive, hand_over);
  if (result < 0) return result;
  result = load_seccomp(flags, program, size);
  __atomic_store_n(&handover.listener, result < 0 ? NO_LISTENER_EVER : (int)result, __ATOMIC_RELEASE);
  /* execve would end the other thread before it is done */
  while (__atomic_load_n(&handover.alive, __ATOMIC_ACQUIRE) != 0) {
#if defined(__x86_64__)
    __asm__ volatile("pause");
#else
    __asm__ volatile("yield");
#endif
  }
  return result < 0 ? result : 0;
}
