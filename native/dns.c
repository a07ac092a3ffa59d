/*
 * Messages of the domain name system: RFC 1035, section 4. What the resolver of a named network (resolver.c) understands of them: one
 * question. Pure: no system call, no state; fuzzed by tests/native.
 */
#include "native.h"
#include "dns.h"

static u16 read16(const u8 *at) { return (u16)(at[0] << 8 | at[1]); }

static void write16(u8 *at, u32 value) {
  at[0] = (u8)(value >> 8);
  at[1] = (u8)value;
}

static char lower(u8 byte) { return (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte); }

/*
 * Reads the question. Returns 0, or -1 for what gets no answer (a response, or too short for a header), or the code of the error to be
 * answered. The question's name comes in lower case with dots; one with bytes that no host name has is empty.
 */
int dns_parse(const u8 *message, u32 size, struct dns_question *question) {
  question->name[0] = 0;
  question->end = DNS_HEADER;
  if (size < DNS_HEADER || (message[2] & 0x80) != 0) return -1;
  if ((message[2] & 0x78) != 0) return DNS_NOT_IMPLEMENTED;
  if (read16(message + 4) != 1 || read16(message + 6) != 0) return DNS_FORMAT_ERROR;
  u32 at = DNS_HEADER, length = 0;
  int plain = 1;
  for (;;) {
    if (at >= size) return DNS_FORMAT_ERROR;
    u32 label = message[at++];
    if (label == 0) break;
    /* the only name in a query has nothing before it that it could point to */
    if (label > 63 || label + 1 + length > DNS_NAME || at + label > size) return DNS_FORMAT_ERROR;
    if (length > 0) question->name[length++] = '.';
    for (u32 i = 0; i < label; i++) {
      u8 byte = message[at + i];
      if (byte <= ' ' || byte == '.' || byte > '~') plain = 0;
      question->name[length++] = lower(byte);
    }
    at += label;
  }
  if (at + 4 > size) return DNS_FORMAT_ERROR;
  question->name[plain ? length : 0] = 0;
  question->type = read16(message + at);
  question->class = read16(message + at + 2);
  question->end = at + 4;
  return 0;
}

/* Writes the header of an answer to `query`, and its question. Returns the size, which is less than DNS_QUESTION. */
u32 dns_begin(u8 *out, const u8 *query, const struct dns_question *question, int code, int authoritative) {
  for (u32 i = 0; i < question->end; i++) out[i] = query[i];
  out[2] = (u8)(0x80 | (authoritative ? 0x04 : 0) | (query[2] & 0x01));
  out[3] = (u8)(0x80 | code); /* recursion is available */
  write16(out + 4, question->end > DNS_HEADER ? 1 : 0);
  for (u32 i = 6; i < DNS_HEADER; i++) out[i] = 0;
  return question->end;
}

/* Appends a record about the question's name. Returns the new size, or the old one when there is no room. */
static u32 record(u8 *out, u32 size, u32 room, u16 type, const u8 *data, u32 length) {
  if (length > DNS_NAME + 2 || size + 12 + length > room) return size;
  u8 *at = out + size;
  write16(at, 0xc000 | DNS_HEADER);
  write16(at + 2, type);
  write16(at + 4, DNS_INTERNET);
  write16(at + 6, 0);
  write16(at + 8, DNS_LIFETIME);
  write16(at + 10, length);
  for (u32 i = 0; i < length; i++) at[12 + i] = data[i];
  write16(out + 6, (u32)read16(out + 6) + 1);
  return size + 12 + length;
}

u32 dns_add_address(u8 *out, u32 size, u32 room, u32 address) {
  u8 data[4] = {(u8)(address >> 24), (u8)(address >> 16), (u8)(address >> 8), (u8)address};
  return record(out, size, room, DNS_A, data, 4);
}

u32 dns_add_name(u8 *out, u32 size, u32 room, const char *name) {
  u8 data[DNS_NAME + 2];
  u32 at = 1, label = 0;
  for (; *name != 0; name++) {
    if (at >= DNS_NAME) return size;
    if (*name == '.') {
      data[label] = (u8)(at - label - 1);
      label = at++;
    } else {
      data[at++] = (u8)*name;
    }
    if (at - label - 1 > 63) return size;
  }
  data[label] = (u8)(at - label - 1);
  data[at++] = 0;
  return record(out, size, room, DNS_PTR, data, at);
}

/* The address in `5.0.89.10.in-addr.arpa`, 0 for any other name: RFC 1035, section 3.5 */
u32 dns_reverse(const char *name) {
  u32 address = 0;
  for (u32 part = 0; part < 4; part++) {
    u32 value = 0, digits = 0;
    for (; *name >= '0' && *name <= '9' && digits < 4; name++, digits++) value = value * 10 + (u32)(*name - '0');
    if (digits == 0 || digits > 3 || value > 255 || *name++ != '.') return 0;
    address |= value << (8 * part);
  }
  const char *suffix = "in-addr.arpa";
  for (; *suffix != 0; suffix++, name++)
    if (*name != *suffix) return 0;
  return *name == 0 ? address : 0;
}

/* One IPv4 address in words, up to `end`. Returns 0 for anything else. */
static u32 parse_ipv4(const char *text, const char *end) {
  u32 address = 0;
  for (u32 part = 0; part < 4; part++) {
    u32 value = 0, digits = 0;
    for (; text < end && *text >= '0' && *text <= '9' && digits < 4; text++, digits++) value = value * 10 + (u32)(*text - '0');
    if (digits == 0 || digits > 3 || value > 255) return 0;
    address = address << 8 | value;
    if (part < 3 && (text >= end || *text++ != '.')) return 0;
  }
  return text == end ? address : 0;
}

static int hexadecimal(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* An IPv6 address in words (RFC 4291, section 2.2), without a zone, and without dots. */
static int parse_ipv6(const char *text, const char *end, u8 *out) {
  u16 groups[8] = {0};
  int count = 0, gap = -1;
  if (end - text >= 2 && text[0] == ':' && text[1] == ':') {
    gap = 0;
    text += 2;
  }
  while (text < end) {
    u32 value = 0, digits = 0;
    for (; text < end && hexadecimal(*text) >= 0 && digits < 5; text++, digits++) value = value << 4 | (u32)hexadecimal(*text);
    if (digits == 0 || digits > 4 || count == 8) return 0;
    groups[count++] = (u16)value;
    if (text == end) break;
    if (*text++ != ':' || text == end) return 0;
    if (*text == ':') {
      if (gap >= 0) return 0;
      gap = count;
      text++;
    }
  }
  if (gap < 0 ? count != 8 : count > 7) return 0;
  for (int i = 0; i < 16; i++) out[i] = 0;
  for (int i = 0; i < count; i++) write16(out + 2 * (gap < 0 || i < gap ? i : 8 - count + i), groups[i]);
  return 1;
}

/* An address as 16 bytes, that of IPv4 mapped into IPv6 (RFC 4291, section 2.5.5.2). */
int dns_parse_address(const char *text, const char *end, u8 *out) {
  u32 ipv4 = parse_ipv4(text, end);
  if (ipv4 == 0) return parse_ipv6(text, end, out);
  for (int i = 0; i < 10; i++) out[i] = 0;
  out[10] = out[11] = 0xff;
  for (int i = 0; i < 4; i++) out[12 + i] = (u8)(ipv4 >> (24 - 8 * i));
  return 1;
}

/* The servers of resolv.conf(5), at most `room`. Returns how many there are. */
u32 dns_parse_servers(const char *text, u32 size, u8 (*servers)[16], u32 room) {
  static const char word[] = "nameserver";
  u32 count = 0;
  for (u32 at = 0; at < size && count < room;) {
    u32 end = at;
    while (end < size && text[end] != '\n') end++;
    u32 next = end + 1, i = 0;
    while (i < sizeof word - 1 && at < end && text[at] == word[i]) at++, i++;
    if (i == sizeof word - 1 && at < end && (text[at] == ' ' || text[at] == '\t')) {
      while (at < end && (text[at] == ' ' || text[at] == '\t')) at++;
      u32 stop = at;
      while (stop < end && text[stop] != ' ' && text[stop] != '\t' && text[stop] != '\r' && text[stop] != '#') stop++;
      if (dns_parse_address(text + at, text + stop, servers[count])) count++;
    }
    at = next;
  }
  return count;
}
