/* The strings of an operation as they are when it is carried out: with its placeholders replaced (plan.h, OP_EXPAND). */
#include <linux/fcntl.h>
#include <linux/mman.h>
#include "native.h"
#include "system.h"

#define EXPANDED_SIZE 8192

u32 decimal(char *out, u64 value) {
  char digits[20];
  u32 count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  for (u32 i = 0; i < count; i++) out[i] = digits[count - 1 - i];
  return count;
}

u64 process_stat(int pid, int wanted) {
  char path[32] = "/proc/", text[1024];
  u32 at = 6 + decimal(path + 6, (u64)pid);
  for (u32 i = 0; i < 6; i++) path[at + i] = "/stat"[i];
  long file = SYS_4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return 0;
  long size = SYS_3(__NR_read, file, text, sizeof text - 1);
  SYS_1(__NR_close, file);
  if (size <= 0) return 0;
  text[size] = 0;
  long name_end = 0; /* the program's name may hold anything, spaces and parentheses too */
  for (long i = 0; i < size; i++)
    if (text[i] == ')') name_end = i;
  int field = 2;
  u64 value = 0;
  for (long i = name_end + 1; i < size && field <= wanted; i++) {
    if (text[i] == ' ') field++;
    else if (field == wanted) value = value * 10 + (u64)(text[i] - '0');
  }
  return value;
}

/* Replaces placeholders (plan.h, OP_EXPAND). Returns 0 when the result does not fit the buffer. */
const char *expand(const struct process *self, const struct plan_op *op, const char *text, char *buffer, u32 size) {
  if ((op->flags & OP_EXPAND) == 0) return text;
  u32 at = 0;
  for (; *text != 0; text++) {
    if (at + 24 > size) return 0;
    if (*text == 1) at += decimal(buffer + at, (u64)self->subject_pid);
    else if (*text == 2) at += decimal(buffer + at, self->failure.op);
    else if (*text == 3) at += decimal(buffer + at, self->failure.error);
    else if (*text == 4) at += decimal(buffer + at, self->failure.detail);
    else if (*text == 6) at += decimal(buffer + at, (u64)SYS_0(__NR_getpid));
    else if (*text == 5) at += decimal(buffer + at, process_stat(self->subject_pid, 22));
    else if (*text == 7) at += decimal(buffer + at, clock_milliseconds(CLOCK_REALTIME));
    else if (*text == 8) at += decimal(buffer + at, (u64)exit_status(self->status));
    else buffer[at++] = *text;
  }
  buffer[at] = 0;
  return buffer;
}

/* Data of an operation with its placeholders replaced, in memory of its own. Returns 0 when there is none to be had. */
const u8 *expand_bytes(const struct process *self, const struct plan_op *op, u64 bytes, u64 *length) {
  const char *data = (const char *)self->plan.base + (u32)bytes;
  *length = bytes >> 32;
  if ((op->flags & OP_EXPAND) == 0) return (const u8 *)data;
  u64 size = *length + 64; /* grows by less than 21 for each placeholder, of which a text has few */
  for (u64 i = 0; i < *length; i++)
    if (data[i] > 0 && data[i] < 9) size += 24;
  long buffer = SYS_6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer < 0 && buffer > -4096) return 0;
  const char *text = expand(self, op, data, (char *)buffer, (u32)size);
  if (text != 0) *length = length_of(text);
  return (const u8 *)text;
}

u64 vector_count(const struct process *self, u64 offset) { return *(const u64 *)(self->plan.base + offset); }

const char *vector_entry(const struct process *self, u64 offset, u64 index) {
  return (const char *)self->plan.base + ((const u64 *)(self->plan.base + offset))[index + 1];
}

/* The pointers that execve wants, in memory of their own. */
char **pointers(const struct process *self, const struct plan_op *op, u64 offset) {
  static char expanded[EXPANDED_SIZE];
  static u32 used;
  u64 count = vector_count(self, offset);
  u64 size = (count + 1) * sizeof(char *);
  char **out = (char **)SYS_6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if ((long)out < 0 && (long)out > -4096) return 0;
  for (u64 i = 0; i < count; i++) {
    const char *text = vector_entry(self, offset, i);
    const char *result = expand(self, op, text, expanded + used, sizeof expanded - used);
    if (result == 0) return 0;
    if (result != text) used += (u32)length_of(result) + 1;
    out[i] = (char *)result;
  }
  return out;
}
