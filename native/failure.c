/* How a failure comes to process 0, and what it does about it. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <asm/signal.h>
#include "native.h"
#include "socket.h"
#include "system.h"

/* Process 0 has one from the start. */
long make_report_pipe(struct process *self) {
  int ends[2];
  long result = SYS_2(__NR_pipe2, ends, O_CLOEXEC | O_DIRECT);
  if (result < 0) return result;
  /* above what a container might be given, so that preserved descriptors and dup2 do not meet it */
  self->report_read = (int)SYS_3(__NR_fcntl, ends[0], F_DUPFD_CLOEXEC, 200);
  self->report_write = (int)SYS_3(__NR_fcntl, ends[1], F_DUPFD_CLOEXEC, 200);
  SYS_1(__NR_close, ends[0]);
  SYS_1(__NR_close, ends[1]);
  return self->report_read < 0 ? self->report_read : self->report_write;
}

long take_reports(struct process *self) {
  self->upstream = self->report_write;
  self->is_first = 1;
  return make_report_pipe(self);
}

/* From here on nobody is told. */
long stop_reporting(struct process *self, int socket, u8 byte) {
  send_byte(socket, byte);
  if (self->upstream >= 0) SYS_1(__NR_close, self->upstream);
  self->upstream = NOBODY;
  return SYS_1(__NR_close, socket);
}

/* The other processes hold the report pipe until they execute something: its end of file means that all went well. */
long op_await_exec(struct process *self) {
  SYS_1(__NR_close, self->report_write);
  self->report_write = -1;
  struct report report;
  long size;
  do size = SYS_3(__NR_read, self->report_read, &report, sizeof report);
  while (size == -EINTR);
  if (size < 0) return size;
  if (size != sizeof report) return 0;
  self->failure = report;
  return -(long)(report.error == 0 ? EIO : report.error);
}

/*
 * How a process that is not the first ends when an operation fails. To a file it is told in words, for whoever comes later
 * and has no plan to look into: the operation's code in place of its index, and its note.
 */
_Noreturn void report_failure(struct process *self, u32 op, long error) {
  struct report report = {.op = op, .error = (u32)-error, .detail = self->failure.detail};
  int file = self->report_file;
  if (file < 0) {
    SYS_3(__NR_write, self->report_write, &report, sizeof report);
    exit_process(REPORT_STATUS);
  }
  const struct plan_op *failed = &self->plan.ops[op];
  const char *note = failed->note == 0 ? "" : (const char *)self->plan.base + failed->note;
  report.op = failed->code;
  SYS_3(__NR_write, file, &report, sizeof report);
  SYS_3(__NR_write, file, note, length_of(note) + 1);
  exit_process(REPORT_STATUS);
}

/*
 * Process 0, and a monitor, which hands it on to process 0: what failed is the oldest report, because a peer that waits for a process which failed fails too. It ends
 * the subject, restores the terminal and runs the failure program, whose own failures do not matter.
 * Others report and end.
 */
_Noreturn void fail_operation(struct process *self, u32 op, long error) {
  struct report report = {.op = op, .error = (u32)-error, .detail = self->failure.detail};
  if (!self->is_first) report_failure(self, op, error);
  restore_terminal(self);
  /* the subject may be about to report: end it, and see */
  if (self->subject >= 0) {
    SYS_4(__NR_pidfd_send_signal, self->subject, SIGKILL, 0, 0);
    op_wait(self, self->subject);
  }
  struct report earlier;
  SYS_3(__NR_fcntl, self->report_read, F_SETFL, O_NONBLOCK);
  if (self->plan.ops[op].code == OP_await_exec) report = self->failure;
  else if (SYS_3(__NR_read, self->report_read, &earlier, sizeof earlier) == sizeof earlier) report = earlier;
  self->failure = report;
  if (self->upstream >= 0) SYS_3(__NR_write, self->upstream, &report, sizeof report);
  if (self->upstream != -1) exit_process(REPORT_STATUS);
  u32 program = self->plan.header->failure_program;
  if (program == PLAN_NO_PROGRAM) exit_process(REPORT_STATUS);
  run_program(self, program);
}
