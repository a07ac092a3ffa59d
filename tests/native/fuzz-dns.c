/*
 * Under the address and undefined-behaviour sanitizers: feeds mutations of questions to what the resolver of named networks reads them with,
 * and of texts to its parsers. With a file of messages as argument, says what one holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../native/dns.h"

static unsigned long state = 88172645463325252UL;

static unsigned long next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

#define ROOM 512

/* As the resolver does: every answer that it could give. */
static long answer(const u8 *message, u32 size) {
  struct dns_question question;
  int code = dns_parse(message, size, &question);
  if (code < 0) return 0;
  u8 *out = malloc(ROOM); /* exact size, so that the sanitizer sees each byte too far */
  u32 end = dns_begin(out, message, &question, code, 1);
  if (end > DNS_QUESTION || end > size) abort();
  if (code == 0) {
    if (strlen(question.name) > DNS_NAME) abort();
    for (int i = 0; i < 60; i++) end = dns_add_address(out, end, ROOM, (u32)next());
    end = dns_add_name(out, end, ROOM, question.name);
    if (end > ROOM) abort();
    (void)dns_reverse(question.name);
  }
  free(out);
  return code == 0;
}

static void print(const u8 *message, u32 size) {
  struct dns_question question;
  int code = dns_parse(message, size, &question);
  printf("%d", code);
  if (code == 0) printf(" %s %d %d %u %08x", question.name, question.type, question.class, question.end, dns_reverse(question.name));
  puts("");
}

static void parse_text(const char *text, u32 size) {
  u8 servers[3][16];
  char *copy = malloc(size ? size : 1);
  memcpy(copy, text, size);
  u32 count = dns_parse_servers(copy, size, servers, 3);
  if (count > 3) abort();
  free(copy);
}

int main(int count, char **args) {
  static u8 seed[4096];
  FILE *file = fopen(args[1], "rb");
  size_t size = fread(seed, 1, sizeof seed, file);
  if (count == 2) {
    print(seed, (u32)size);
    return 0;
  }
  if (strcmp(args[2], "servers") == 0) {
    u8 servers[3][16];
    u32 found = dns_parse_servers((char *)seed, (u32)size, servers, 3);
    for (u32 i = 0; i < found; i++, puts(""))
      for (int j = 0; j < 16; j++) printf("%02x", servers[i][j]);
    return 0;
  }
  long rounds = atol(args[2]), accepted = 0;
  for (long round = 0; round < rounds; round++) {
    size_t length = round % 4 == 0 ? next() % (size + 1) : size;
    u8 *copy = malloc(length ? length : 1);
    memcpy(copy, seed, length);
    for (unsigned long flips = next() % 6; flips > 0 && length > 0; flips--)
      copy[next() % length] = next() % 2 ? (u8)next() : (u8)(0xff >> next() % 8);
    accepted += answer(copy, (u32)length);
    parse_text((char *)copy, (u32)length);
    free(copy);
  }
  printf("%ld\n", accepted);
  return 0;
}
