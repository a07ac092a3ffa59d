/* Messages of the domain name system, as dns.c reads and writes them. */
#ifndef TSBOX_DNS_H
#define TSBOX_DNS_H

#include "plan.h"

#define DNS_HEADER 12
#define DNS_NAME 255
/* A header, a name, type and class. */
#define DNS_QUESTION (DNS_HEADER + DNS_NAME + 2 + 4)
#define DNS_LIFETIME 0 /* of what is answered about containers, in seconds: they come and go */

#define DNS_A 1
#define DNS_PTR 12
#define DNS_INTERNET 1

#define DNS_FORMAT_ERROR 1
#define DNS_SERVER_FAILURE 2
#define DNS_NO_SUCH_NAME 3
#define DNS_NOT_IMPLEMENTED 4
#define DNS_REFUSED 5

struct dns_question {
  u16 type, class;
  u32 end; /* of the question in the message */
  char name[DNS_NAME + 1];
};

int dns_parse(const u8 *message, u32 size, struct dns_question *question);
u32 dns_begin(u8 *out, const u8 *query, const struct dns_question *question, int code, int authoritative);
u32 dns_add_address(u8 *out, u32 size, u32 room, u32 address);
u32 dns_add_name(u8 *out, u32 size, u32 room, const char *name);
u32 dns_reverse(const char *name);
int dns_parse_address(const char *text, const char *end, u8 *out);
u32 dns_parse_servers(const char *text, u32 size, u8 (*servers)[16], u32 room);

#endif
