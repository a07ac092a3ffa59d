/* What the files of the native program share. */
#ifndef TSBOX_NATIVE_H
#define TSBOX_NATIVE_H

#include "plan.h"

struct plan {
  const u8 *base;
  const struct plan_header *header;
  const struct plan_program *programs;
  const struct plan_op *ops;
};

/* A failure as it goes through the report pipe to process 0. */
struct report {
  u32 op, error, detail, reserved;
};

#define NOBODY (-2)
#define REPORT_STATUS 125 /* how a process ends that has reported a failure */

/* One process: each `clone` copies all of this. */
struct process {
  struct plan plan;
  int fd[PLAN_SLOTS];
  int is_first; /* process 0, which handles failures */
  int report_read, report_write;
  int upstream; /* of a monitor: the report pipe of process 0; -1 for others, NOBODY when it has left */
  int subject, subject_pid; /* pidfd and pid of the process that matters, -1 before */
  int status; /* wait status of what `wait` or `supervise` waited for */
  int report_file; /* takes the place of the report pipe when it is not -1 */
  struct report failure;
  /* the terminal to restore on every way out, -1 when there is nothing to restore */
  int terminal;
  u8 terminal_state[64];
};

int plan_decode(struct plan *plan, const u8 *base, u64 size);

/* run.c */
_Noreturn void run_program(struct process *self, u32 number);

/* failure.c */
long make_report_pipe(struct process *self);
long take_reports(struct process *self);
long stop_reporting(struct process *self, int socket, u8 byte);
long op_await_exec(struct process *self);
_Noreturn void report_failure(struct process *self, u32 op, long error);
_Noreturn void fail_operation(struct process *self, u32 op, long error);

/* conversation.c */
long receive_byte(int socket, u64 expected);
long receive_any(int socket);
long await_start(int fifo);
long send_subject(const struct process *self, int socket);
long receive_identity(struct process *self, int socket);
long receive_subject(struct process *self, int socket);
long await_either(int a, int b);

/* files.c */
struct entries { /* of a folder, as they are read */
  int folder;
  long size, at;
  char buffer[2048] __attribute__((aligned(8)));
};
void begin_entries(struct entries *entries, int folder);
const char *next_entry(struct entries *entries, long *result);
long close_after(long fd, long result);
long open_in(int root, const char *path, u64 flags, u64 resolve);
long make_in_root(int root, const char *path, u32 mode, u32 type);
long remove_tree(int dir, const char *path, int depth);
long write_all(int fd, const u8 *data, u64 length);
long write_file(int dir, const char *path, u64 flags, const u8 *data, u64 length);
long require_device(int fd, u32 type, u64 dev);
long require_cwd_inside(void);
void own_pipes(u32 uid);

/* mounts.c */
long new_mount(const struct plan *plan, const char *type, u64 options, u64 attributes, u32 *detail);
long attach(int mount, int root, const char *path, u32 type, int links);
long bind_device(int root, const char *host, const char *path, u32 type, u64 dev);
long read_only_path(int root, const char *path);
long mask_path(int root, const char *path, int dev_null);

/* copy.c */
long inherit_folder(int mount, int root, const char *path, int mode, int contents);
long copy_data(int from, int to);
long chown_tree(int mount, u32 uid, u32 gid);

/* process.c */
long op_clone(struct process *self, const struct plan_op *op);
long op_execve(struct process *self, const struct plan_op *op);
long close_others(struct process *self, u64 from, u64 keep);
long pid_of(int pidfd);
long find_program(const struct process *self, u64 paths);
long op_wait(struct process *self, int pidfd);
long op_wait_success(struct process *self, int pidfd);
long op_reap_as_init(void);
long op_reset_signals(void);
long block_signals(void);
long bound_capabilities(u64 keep);
long ambient_capabilities(u64 raise);
long set_capabilities(u64 effective, u64 permitted, u64 inheritable);
_Noreturn void exit_process(int status);
int exit_status(int wait_status);

/* time.c */
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7 /* suspended time included */
struct pollfd;
u64 clock_milliseconds(int which);
long poll_for(struct pollfd *polls, u32 count, long milliseconds);

/* words.c */
/* A field of /proc/PID/stat that is a number, as proc(5) counts them. 0 when the process is gone. */
u64 process_stat(int pid, int field);
u32 decimal(char *out, u64 value);
const char *expand(const struct process *self, const struct plan_op *op, const char *text, char *buffer, u32 size);
const u8 *expand_bytes(const struct process *self, const struct plan_op *op, u64 bytes, u64 *length);
u64 vector_count(const struct process *self, u64 offset);
const char *vector_entry(const struct process *self, u64 offset, u64 index);
char **pointers(const struct process *self, const struct plan_op *op, u64 offset);

/* seccomp.c */
long load_seccomp(u64 flags, const u8 *program, u64 size);
long seccomp_notify(struct process *self, const struct plan_op *op, u64 flags, const u8 *program, u64 size, int socket,
                    const char *state);

/* hook.c */
long op_hook(struct process *self, const struct plan_op *op);

/* Packets between a monitor and its clients: the first byte. Of clients: */
#define PACKET_HELLO 'h'  /* CLIENT_WANTS_* */
#define PACKET_DATA '0'   /* what was typed */
#define PACKET_END 'e'    /* of what is typed */
#define PACKET_WINDOW 'w' /* a byte of nothing, rows and columns of 16 bits */
#define PACKET_SIGNAL 's' /* its number, and whether it is of who runs the container in the foreground */
#define PACKET_LEAVE 'l'  /* the person lets go of the container */
/* Of the monitor: */
#define PACKET_STDOUT '1'
#define PACKET_STDERR '2'
#define PACKET_EXIT 'x' /* the exit status */
#define PACKET_AGAIN 'a' /* the program was started again: what the client has said once holds for that, too */
#define PACKET_MAX 32769

#define CLIENT_WANTS_OUTPUT 1
#define CLIENT_WANTS_ERROR 2
#define CLIENT_TYPES 4
#define CLIENT_TERMINAL 1
#define CLIENT_FORWARDS_SIGNALS 2
#define CLIENT_OWNS 4 /* the container ends with it */
#define MONITOR_INPUT_ONCE 1 /* the program's input ends with the first client that types */
#define MONITOR_AGAIN 4 /* the first client was there before */
#define MONITOR_ENDS_WITH_CLIENT 2 /* the container is killed when its first client goes without leaving */

/* monitor.c */
long op_monitor(struct process *self, const struct plan_op *op);
long op_dismiss(struct process *self, int listener);
long op_require_wanted(void);
long op_keep_client(long number);

/* pause.c */
int asks_for_end(const u8 *packet, long size);
long op_wait_for(u64 milliseconds, int listener, int client, int owns);

/* client.c */
long op_client(struct process *self, const struct plan_op *op);

/* log.c */
long op_log_file(struct process *self, const struct plan_op *op);
long op_log_journal(struct process *self, const struct plan_op *op);
void log_write(int stream, const u8 *data, u64 length);

/* json.c */
u32 escape_json(char *out, const u8 *data, u64 length);

/* hub.c */
long op_hub(int listener, int udp, int tcp, int network, int user, u64 subnet, u64 flags);

/* notify.c */
long op_notify_systemd(struct process *self, const struct plan_op *op);
void notify_healthy(struct process *self);

/* health.c */
long op_health(struct process *self, const struct plan_op *op);
int health_output(void);
long health_pause(void);
void health_check(struct process *self);
void health_end(void);

/* oom.c */
void append_event(const struct process *self, const struct plan_op *op, const char *path, u64 bytes, const char *start);
long op_watch_oom(struct process *self, const struct plan_op *op);
int oom_counts(void);
void oom_look(const struct process *self);
long op_oom_killed(const struct process *self);

/* terminal.c */
long op_supervise(struct process *self, int pidfd, int pty, int input, int output);
long open_pty(int ptmx, int *master, int *slave);
long set_window_size(int terminal, u16 rows, u16 columns);
void restore_terminal(struct process *self);
void take_terminal(struct process *self, int terminal);

static inline u64 length_of(const char *text) {
  u64 length = 0;
  while (text[length] != 0) length++;
  return length;
}

#endif
