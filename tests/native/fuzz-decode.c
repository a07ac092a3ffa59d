/* Feeds the decoder mutations of a sound plan, under the address and undefined-behaviour sanitizers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../native/native.h"

static unsigned long state;

static unsigned long next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* What the interpreter would do with an accepted plan: read every string to its end. */
static void use(const struct plan *plan) {
  unsigned long sum = 0;
  for (u32 p = 0; p < plan->header->program_count; p++) {
    sum += length_of((const char *)plan->base + plan->programs[p].name);
    for (u32 i = 0; i < plan->programs[p].count; i++) {
      const struct plan_op *op = &plan->ops[plan->programs[p].first + i];
      if (op->note) sum += length_of((const char *)plan->base + op->note);
    }
  }
  if (sum == 42) puts("");
}

int main(int count, char **args) {
  FILE *file = fopen(args[1], "rb");
  static unsigned char seed[1 << 20];
  size_t size = fread(seed, 1, sizeof seed, file);
  long rounds = count > 2 ? atol(args[2]) : 100000, accepted = 0;
  state = 88172645463325252UL;
  for (long round = 0; round < rounds; round++) {
    size_t length = round % 4 == 0 ? next() % (size + 1) : size;
    unsigned char *copy = malloc(length + 1); /* exact size, so that the sanitizer sees each byte too far */
    copy = realloc(copy, length ? length : 1);
    memcpy(copy, seed, length);
    for (unsigned long flips = next() % 6; flips > 0 && length > 0; flips--) {
      size_t at = next() % 3 ? next() % length : next() % (length < 512 ? length : 512);
      copy[at] = next() % 2 ? (unsigned char)next() : (unsigned char)(0xff >> next() % 8);
    }
    struct plan plan;
    if (plan_decode(&plan, copy, length) == 0) {
      accepted++;
      use(&plan);
    }
    free(copy);
  }
  struct plan plan;
  printf("%ld %d\n", accepted, plan_decode(&plan, seed, size));
  return 0;
}
