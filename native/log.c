/*
 * What a detached container's program writes, as its monitor keeps it: Docker's json-file (an object for each line), or the
 * journal. A record is written whole or not at all. Bytes that are no UTF-8 become the escapes \udc80 to \udcff, so that
 * nothing is lost and each record is JSON. A line that has not ended yet is a record without its newline; the next goes on.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include "native.h"
#include "socket.h"
#include "system.h"

/* A longer line is several records, as with Docker. */
#define RECORD_DATA 16384
/* What surrounds the data of a record, and data that is escaped throughout. */
#define RECORD_SIZE (RECORD_DATA * 6 + 128)
#define BUFFER_SIZE (RECORD_SIZE + 32768)

static struct {
  enum { LOG_NONE, LOG_JSON, LOG_JOURNAL } kind;
  int fd;
  /* json-file */
  const u8 *base;       /* of the plan, to which the paths are relative */
  const u64 *paths;     /* a vector: the file, then what it is renamed to */
  u64 max_size, size;   /* 0: as large as it gets */
  int lost_file;        /* takes how many bytes could not be written, and why */
  u64 lost[2];
  u64 pending;          /* bytes of the program that are in the buffer */
  u32 used;
  char time[40];
  u32 time_length;
  /* journal */
  const char *socket;
  const u8 *fields;
  u64 fields_size;
} log;

static char buffer[BUFFER_SIZE];

static const char *path_at(u64 index) { return (const char *)log.base + log.paths[index + 1]; }

static long open_log(u64 flags) {
  long fd = SYS_4(__NR_openat, AT_FDCWD, path_at(0), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (fd < 0) return fd;
  long end = SYS_3(__NR_lseek, fd, 0, 2 /* SEEK_END */);
  log.size = end > 0 ? (u64)end : 0;
  log.fd = (int)fd;
  return 0;
}

long op_log_file(struct process *self, const struct plan_op *op) {
  log.kind = LOG_JSON;
  log.base = self->plan.base;
  log.paths = (const u64 *)(self->plan.base + op->arg[0]);
  log.max_size = op->arg[1];
  long file = SYS_4(__NR_openat, AT_FDCWD, self->plan.base + op->arg[2], O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
  if (file < 0) return file;
  log.lost_file = (int)file;
  return open_log(0);
}

static long connect_journal(void) {
  long fd = connect_unix(log.socket, SOCK_DGRAM);
  if (fd < 0) return fd;
  log.fd = (int)fd;
  return 0;
}

long op_log_journal(struct process *self, const struct plan_op *op) {
  log.kind = LOG_JOURNAL;
  log.socket = (const char *)self->plan.base + op->arg[0];
  log.fields = self->plan.base + (u32)op->arg[1];
  log.fields_size = op->arg[1] >> 32;
  return connect_journal();
}

/* Eight at a time: records are many and short. */
static void put(const char *text, u32 length) {
  char *out = buffer + log.used;
  u32 at = 0;
  for (; at + 8 <= length; at += 8) __builtin_memcpy(out + at, text + at, 8);
  for (; at < length; at++) out[at] = text[at];
  log.used += length;
}

#define PUT(text) put(text, sizeof text - 1)

static void two_digits(char *out, u32 value) {
  out[0] = (char)('0' + value / 10);
  out[1] = (char)('0' + value % 10);
}

/* RFC 3339 with nanoseconds, in UTC. Days to a date by counting eras of 400 years from March. */
static void read_clock(void) {
  struct __kernel_timespec now;
  SYS_2(__NR_clock_gettime, CLOCK_REALTIME, &now);
  u64 days = (u64)now.tv_sec / 86400 + 719468, second = (u64)now.tv_sec % 86400;
  u64 era = days / 146097, day = days % 146097;
  u64 year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  u64 of_year = day - (365 * year + year / 4 - year / 100);
  u64 month = (5 * of_year + 2) / 153;
  u32 date = (u32)(of_year - (153 * month + 2) / 5 + 1);
  month = month < 10 ? month + 3 : month - 9;
  year += era * 400 + (month <= 2);
  u32 at = decimal(log.time, year);
  log.time[at] = '-';
  two_digits(log.time + at + 1, (u32)month);
  log.time[at + 3] = '-';
  two_digits(log.time + at + 4, date);
  log.time[at + 6] = 'T';
  two_digits(log.time + at + 7, (u32)(second / 3600));
  log.time[at + 9] = ':';
  two_digits(log.time + at + 10, (u32)(second / 60 % 60));
  log.time[at + 12] = ':';
  two_digits(log.time + at + 13, (u32)(second % 60));
  log.time[at + 15] = '.';
  u64 rest = (u64)now.tv_nsec;
  for (u32 i = 0; i < 9; i++, rest /= 10) log.time[at + 24 - i] = (char)('0' + rest % 10);
  log.time[at + 25] = 'Z';
  /* how a record ends */
  log.time[at + 26] = '"';
  log.time[at + 27] = '}';
  log.time[at + 28] = '\n';
  log.time_length = at + 29;
}

/* The log stops, not the container; whoever reads the log is told. The file was made with its two numbers in it. */
static void count_lost(u64 bytes, long error) {
  log.lost[0] += bytes;
  log.lost[1] = (u64)-error;
  if (log.kind == LOG_JSON) SYS_4(__NR_pwrite64, log.lost_file, log.lost, sizeof log.lost, 0);
}

static void flush(void) {
  u64 done = 0;
  long result = 0;
  if (log.fd < 0) result = open_log(0);
  while (result >= 0 && done < log.used) {
    result = SYS_3(__NR_write, log.fd, buffer + done, log.used - done);
    if (result == -EINTR) result = 0;
    if (result > 0) done += (u64)result;
  }
  if (result < 0) {
    /* no half record: what comes later must be readable */
    if (done > 0) SYS_2(__NR_ftruncate, log.fd, log.size);
    count_lost(log.pending, result);
  } else {
    log.size += log.used;
  }
  log.used = 0;
  log.pending = 0;
}

/* The oldest goes, each other one gets the next name, and a new file begins. */
static void rotate(void) {
  u64 count = log.paths[0];
  SYS_1(__NR_close, log.fd);
  log.fd = -1;
  for (u64 i = count - 1; i > 0; i--) SYS_4(__NR_renameat, AT_FDCWD, path_at(i - 1), AT_FDCWD, path_at(i));
  open_log(count == 1 ? O_TRUNC : 0);
}

static void json_record(int stream, const u8 *data, u64 length) {
  if (log.used + RECORD_SIZE > BUFFER_SIZE) flush();
  u32 before = log.used;
  PUT("{\"log\":\"");
  log.used += escape_json(buffer + log.used, data, length);
  if (stream == 1) PUT("\",\"stream\":\"stdout\",\"time\":\"");
  else PUT("\",\"stream\":\"stderr\",\"time\":\"");
  put(log.time, log.time_length);
  u32 size = log.used - before;
  if (log.max_size != 0 && log.size + log.used > log.max_size && log.size + before > 0) {
    log.used = before;
    flush();
    rotate();
    for (u32 i = 0; i < size; i++) buffer[i] = buffer[before + i];
    log.used = size;
  }
  log.pending += length;
}

/* systemd, "Native Journal Protocol": fields of `NAME=value`, and one that is binary with its length before it. */
static void journal_record(int stream, const u8 *data, u64 length) {
  int whole = length > 0 && data[length - 1] == '\n';
  u64 size = length - (u64)whole;
  log.used = 0;
  if (stream == 1) PUT("PRIORITY=6\n");
  else PUT("PRIORITY=3\n");
  if (!whole) PUT("CONTAINER_PARTIAL_MESSAGE=true\n");
  PUT("MESSAGE\n");
  put((const char *)&size, sizeof size);
  put((const char *)data, (u32)size);
  PUT("\n");
  struct part parts[] = {{(void *)log.fields, log.fields_size}, {buffer, log.used}};
  struct message message = {.parts = parts, .part_count = 2};
  log.used = 0;
  for (int tries = 0; tries < 2; tries++) {
    long result = log.fd < 0 ? -ENOTCONN : SYS_3(__NR_sendmsg, log.fd, &message, MSG_NOSIGNAL);
    if (result >= 0) return;
    /* the journal was started again */
    if (log.fd >= 0) SYS_1(__NR_close, log.fd);
    log.fd = -1;
    if (connect_journal() < 0) break;
  }
  count_lost(length, -EPIPE);
}

/* What the program wrote to its standard output (1) or error (2). */
void log_write(int stream, const u8 *data, u64 length) {
  if (log.kind == LOG_NONE) return;
  read_clock();
  while (length > 0) {
    u64 size = 0;
    while (size < length && size < RECORD_DATA && data[size] != '\n') size++;
    if (size < length && size < RECORD_DATA) size++; /* the newline belongs to it */
    if (log.kind == LOG_JSON) json_record(stream, data, size);
    else journal_record(stream, data, size);
    data += size;
    length -= size;
  }
  if (log.kind == LOG_JSON) flush();
}
