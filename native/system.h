/*
 * Raw system calls: they return what the kernel returns, -errno on failure. No libc. Each is given all of the arguments that it has:
 * what the registers of more would hold is chance.
 */
#ifndef TSBOX_SYSTEM_H
#define TSBOX_SYSTEM_H

#include <asm/unistd.h>
#include "plan.h"

#if defined(__x86_64__)
#define REGISTER_0 "rdi"
#define REGISTER_1 "rsi"
#define REGISTER_2 "rdx"
#define REGISTER_3 "r10"
#define REGISTER_4 "r8"
#define REGISTER_5 "r9"
#define CALL(...) \
  long result; \
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), __VA_ARGS__ : "rcx", "r11", "memory"); \
  return result
#elif defined(__aarch64__)
#define REGISTER_0 "x0"
#define REGISTER_1 "x1"
#define REGISTER_2 "x2"
#define REGISTER_3 "x3"
#define REGISTER_4 "x4"
#define REGISTER_5 "x5"
#define CALL(...) \
  register long x8 __asm__("x8") = nr; \
  register long result __asm__("x0"); \
  __asm__ volatile("svc #0" : "=r"(result) : "r"(x8), __VA_ARGS__ : "memory"); \
  return result
#else
#error "tsbox runs on x86-64 and arm64"
#endif

#define IN(number, value) register long in_##number __asm__(REGISTER_##number) = value

static inline long sys1(long nr, long a) {
  IN(0, a);
  CALL("r"(in_0));
}

static inline long sys2(long nr, long a, long b) {
  IN(0, a);
  IN(1, b);
  CALL("r"(in_0), "r"(in_1));
}

static inline long sys3(long nr, long a, long b, long c) {
  IN(0, a);
  IN(1, b);
  IN(2, c);
  CALL("r"(in_0), "r"(in_1), "r"(in_2));
}

static inline long sys4(long nr, long a, long b, long c, long d) {
  IN(0, a);
  IN(1, b);
  IN(2, c);
  IN(3, d);
  CALL("r"(in_0), "r"(in_1), "r"(in_2), "r"(in_3));
}

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f) {
  IN(0, a);
  IN(1, b);
  IN(2, c);
  IN(3, d);
  IN(4, e);
  IN(5, f);
  CALL("r"(in_0), "r"(in_1), "r"(in_2), "r"(in_3), "r"(in_4), "r"(in_5));
}

#undef IN
#undef CALL

#define SYS_6(nr, a, b, c, d, e, f) sys6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS_5(nr, a, b, c, d, e) SYS_6(nr, a, b, c, d, e, 0)
#define SYS_4(nr, a, b, c, d) sys4((nr), (long)(a), (long)(b), (long)(c), (long)(d))
#define SYS_3(nr, a, b, c) sys3((nr), (long)(a), (long)(b), (long)(c))
#define SYS_2(nr, a, b) sys2((nr), (long)(a), (long)(b))
#define SYS_1(nr, a) sys1((nr), (long)(a))
#define SYS_0(nr) SYS_1(nr, 0)

#endif
