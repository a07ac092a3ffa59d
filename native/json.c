/* Any bytes as a string of JSON (RFC 8259): those that are no UTF-8 are the escapes \udc80 to \udcff. */
#include "native.h"

/* How many bytes at the beginning are one character of UTF-8 (RFC 3629), 0 when they are none. */
static u32 character(const u8 *data, u64 length) {
  u32 first = data[0], size;
  u8 low = 0x80, high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) size = 2;
  else if (first >= 0xe0 && first <= 0xef) size = 3;
  else if (first >= 0xf0 && first <= 0xf4) size = 4;
  else return 0;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (size > length || data[1] < low || data[1] > high) return 0;
  for (u32 i = 2; i < size; i++)
    if (data[i] < 0x80 || data[i] > 0xbf) return 0;
  return size;
}

#define EACH(byte) (~0UL / 255 * (byte))

/* Whether none of eight bytes is a control character, `"`, `\\` or beyond ASCII. */
static int is_plain(u64 eight) {
  u64 quote = eight ^ EACH('"'), backslash = eight ^ EACH('\\');
  u64 low = (eight - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1));
  return ((low | eight) & EACH(0x80)) == 0;
}

/* Returns how many characters it has written, which are at most six times as many as there were bytes. */
u32 escape_json(char *out, const u8 *data, u64 length) {
  static const char hex[] = "0123456789abcdef";
  char *start = out;
  for (u64 at = 0; at < length;) {
    u64 eight;
    while (at + 8 <= length) {
      __builtin_memcpy(&eight, data + at, 8);
      if (!is_plain(eight)) break;
      __builtin_memcpy(out, &eight, 8);
      out += 8;
      at += 8;
    }
    if (at == length) break;
    u8 byte = data[at];
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      *out++ = (char)byte;
      at++;
      continue;
    }
    u32 size = byte < 0x80 ? 0 : character(data + at, length - at);
    if (size != 0) {
      while (size-- > 0) *out++ = (char)data[at++];
      continue;
    }
    *out++ = '\\';
    if (byte == '\n') *out++ = 'n';
    else if (byte == '"' || byte == '\\') *out++ = (char)byte;
    else if (byte == '\t') *out++ = 't';
    else if (byte == '\r') *out++ = 'r';
    else {
      *out++ = 'u';
      *out++ = byte < 0x80 ? '0' : 'd';
      *out++ = byte < 0x80 ? '0' : 'c';
      *out++ = hex[byte >> 4];
      *out++ = hex[byte & 15];
    }
    at++;
  }
  return (u32)(out - start);
}
