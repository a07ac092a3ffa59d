/* Checks a whole plan before its first operation runs (CVE-2021-43784 was a length overflow in such a message). */
#include "native.h"

static int in_block(const struct plan *plan, u64 offset, u64 length) {
  return offset <= plan->header->size && length <= plan->header->size - offset;
}

/* The block's last byte is 0 (checked below), so a string that begins inside ends inside. */
static int is_string(const struct plan *plan, u64 offset) { return offset != 0 && offset < plan->header->size; }

/* A vector is its count, then as many string offsets. */
static int is_vector(const struct plan *plan, u64 offset) {
  if (offset == 0 || offset % 8 != 0 || !in_block(plan, offset, 8)) return 0;
  const u64 *vector = (const u64 *)(plan->base + offset);
  u64 count = vector[0];
  if (count > plan->header->size / 8 || !in_block(plan, offset, (count + 1) * 8)) return 0;
  for (u64 i = 1; i <= count; i++)
    if (!is_string(plan, vector[i])) return 0;
  return 1;
}

static const char *const op_types[OP_COUNT] = {
#define X(name, types, names) [OP_##name] = types,
    PLAN_OPS(X)
#undef X
};

static int is_argument(const struct plan *plan, char type, u64 value, u32 program) {
  switch (type) {
  case 'n':
    return 1;
  case 's':
    return is_string(plan, value);
  case 'S':
    return value == 0 || is_string(plan, value);
  case 'b':
    return in_block(plan, (u32)value, value >> 32);
  case 'v':
    return is_vector(plan, value);
  case 'f':
  case 'o':
    return value < PLAN_SLOTS;
  case 'F':
    return value < PLAN_SLOTS || value == PLAN_NO_FD;
  case 'p': /* only to later programs, so that no plan clones without end */
    return value > program && value < plan->header->program_count;
  default:
    return 0;
  }
}

static int is_program(const struct plan *plan, u32 number) {
  const struct plan_program *program = &plan->programs[number];
  u32 total = plan->header->op_count;
  if (program->first > total || program->count > total - program->first) return 0;
  if (!is_string(plan, program->name)) return 0;
  for (u32 i = program->first; i < program->first + program->count; i++) {
    const struct plan_op *op = &plan->ops[i];
    if (op->code >= OP_COUNT || (op->note != 0 && !is_string(plan, op->note))) return 0;
    /* forward only, so that every program ends; to just behind the last one is allowed */
    int jumps = op->recover != 0 || op->code == OP_jump;
    if (jumps && (op->jump <= i || op->jump > program->first + program->count)) return 0;
    const char *types = op_types[op->code];
    for (u32 a = 0; a < PLAN_ARGS && types[a] != 0; a++)
      if (!is_argument(plan, types[a], op->arg[a], number)) return 0;
  }
  return 1;
}

/* Takes `size` bytes at an 8-byte boundary, of which nothing is copied. Returns 0 when it is a sound plan, else -1. */
int plan_decode(struct plan *plan, const u8 *base, u64 size) {
  const struct plan_header *header = (const struct plan_header *)base;
  if (size < sizeof *header || size > PLAN_MAX_SIZE) return -1;
  if (header->magic != PLAN_MAGIC || header->version != PLAN_VERSION || header->size != size) return -1;
  if (base[size - 1] != 0) return -1;
  plan->base = base;
  plan->header = header;
  if (header->programs % 8 != 0 || header->ops % 8 != 0) return -1;
  if (header->program_count == 0 || !in_block(plan, header->programs, (u64)header->program_count * sizeof(struct plan_program)))
    return -1;
  if (!in_block(plan, header->ops, (u64)header->op_count * sizeof(struct plan_op))) return -1;
  plan->programs = (const struct plan_program *)(base + header->programs);
  plan->ops = (const struct plan_op *)(base + header->ops);
  if (header->failure_program != PLAN_NO_PROGRAM && header->failure_program >= header->program_count) return -1;
  for (u32 i = 0; i < header->program_count; i++)
    if (!is_program(plan, i)) return -1;
  return 0;
}
