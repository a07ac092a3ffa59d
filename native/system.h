/* Raw system calls: they return what the kernel returns, -errno on failure. No libc. */
#ifndef TSBOX_SYSTEM_H
#define TSBOX_SYSTEM_H

#include <asm/unistd.h>
#include "plan.h"

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
#error "tsbox runs on x86-64 and arm64"
#endif
}

#define SYS_6(nr, a, b, c, d, e, f) sys6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS_5(nr, a, b, c, d, e) SYS_6(nr, a, b, c, d, e, 0)
#define SYS_4(nr, a, b, c, d) SYS_6(nr, a, b, c, d, 0, 0)
#define SYS_3(nr, a, b, c) SYS_6(nr, a, b, c, 0, 0, 0)
#define SYS_2(nr, a, b) SYS_6(nr, a, b, 0, 0, 0, 0)
#define SYS_1(nr, a) SYS_6(nr, a, 0, 0, 0, 0, 0)
#define SYS_0(nr) SYS_6(nr, 0, 0, 0, 0, 0, 0)

#endif
