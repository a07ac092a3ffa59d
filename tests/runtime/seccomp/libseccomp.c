/*
 * libseccomp as runc uses it, for comparison. Reads lines, writes the filter's program to standard output.
 *
 *   base X               the architecture that the filter is for, in place of this machine's
 *   also X               another one
 *   default ACTION
 *   rule ACTION NAME [INDEX OPERATOR FIRST SECOND]...
 *   number X NAME        writes the number of a call as a line, instead of a program
 *
 * X and ACTION are libseccomp's numbers. Exits with 17 when a rule contradicts another (EEXIST).
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONDITIONS 6

static scmp_filter_ctx filter;

static int check(int result, const char *what)
{
	if (result < 0 && result != -EEXIST) {
		fprintf(stderr, "%s: %s\n", what, strerror(-result));
		exit(1);
	}
	return result;
}

static enum scmp_compare operator(const char *name)
{
	static const char *const names[] = { "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ" };
	for (int index = 0; index < 7; index++)
		if (strcmp(name, names[index]) == 0)
			return (enum scmp_compare)(index + 1);
	fprintf(stderr, "operator %s\n", name);
	exit(1);
}

static void add_rule(void)
{
	uint32_t action = strtoul(strtok(NULL, " "), NULL, 0);
	const char *name = strtok(NULL, " ");
	struct scmp_arg_cmp conditions[CONDITIONS];
	unsigned count = 0;
	int number = seccomp_syscall_resolve_name(name);

	for (char *index = strtok(NULL, " "); index != NULL && count < CONDITIONS; index = strtok(NULL, " ")) {
		conditions[count].arg = strtoul(index, NULL, 0);
		conditions[count].op = operator(strtok(NULL, " "));
		conditions[count].datum_a = strtoull(strtok(NULL, " "), NULL, 0);
		conditions[count].datum_b = strtoull(strtok(NULL, " "), NULL, 0);
		count++;
	}
	if (number == __NR_SCMP_ERROR)
		return;
	int result = seccomp_rule_add_array(filter, action, number, count, conditions);
	if (result == -EEXIST)
		exit(17);
	check(result, name);
}

int main(void)
{
	char line[4096];
	uint32_t base = SCMP_ARCH_NATIVE;
	int wants_program = 1;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		const char *word = strtok(line, " ");
		if (strcmp(word, "number") == 0) {
			uint32_t arch = strtoul(strtok(NULL, " "), NULL, 0);
			printf("%d\n", seccomp_syscall_resolve_name_arch(arch, strtok(NULL, " ")));
			wants_program = 0;
		} else if (strcmp(word, "base") == 0) {
			base = strtoul(strtok(NULL, " "), NULL, 0);
		} else if (strcmp(word, "default") == 0) {
			filter = seccomp_init(strtoul(strtok(NULL, " "), NULL, 0));
			if (filter == NULL)
				return 1;
			if (base != SCMP_ARCH_NATIVE && base != seccomp_arch_native()) {
				check(seccomp_arch_add(filter, base), "base");
				check(seccomp_arch_remove(filter, seccomp_arch_native()), "native");
			}
		} else if (strcmp(word, "also") == 0) {
			check(seccomp_arch_add(filter, strtoul(strtok(NULL, " "), NULL, 0)), "also");
		} else {
			add_rule();
		}
	}
	return wants_program ? -check(seccomp_export_bpf(filter, STDOUT_FILENO), "export") : 0;
}
