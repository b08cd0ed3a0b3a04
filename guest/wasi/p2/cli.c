/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:cli: arguments, environment, exit, standard streams and whether they are terminals. */
#include "guest/wasi/p2/p2.h"

/* --- environment --- */

struct list {
	uint32_t at, count;
};

/* What becomes of one of the strings, as the values of an item of the list. */
typedef void put_item(struct component_call *call, const char *text, uint32_t *item);

static void put_string(struct component_call *call, const char *text, uint32_t *item)
{
	call_string(call, text, (uint32_t)strlen(text), item);
}

/* Name and value, which is empty if there is no '='. */
static void put_variable(struct component_call *call, const char *text, uint32_t *item)
{
	const char *value = strchr(text, '=');
	if (!value)
		value = text + strlen(text);
	call_string(call, text, (uint32_t)(value - text), item);
	value += *value == '=';
	call_string(call, value, (uint32_t)strlen(value), item + 2);
}

/* size: bytes of an item, at most 16. */
static void put_list(struct component_call *call, struct wasi_strings s, put_item *put,
		     uint32_t size, struct list *out)
{
	uint32_t item[4];
	uint8_t *to = call_allocate(call, 4, s.count * size, &out->at);
	out->count = s.count;
	for (uint32_t i = 0; i < s.count; i++) {
		put(call, wasi_boot_string(s.offsets[i]), item);
		memcpy(to + i * size, item, size);
	}
}

static void get_arguments(struct component_call *call, const void *params, void *result)
{
	(void)params;
	put_list(call, wasi_arguments(), put_string, 8, result);
}

static void get_environment(struct component_call *call, const void *params, void *result)
{
	(void)params;
	put_list(call, wasi_environment(), put_variable, 16, result);
}

/* Paths are relative to what was opened at the start. */
static void initial_cwd(struct component_call *call, const void *params, void *result)
{
	(void)call;
	(void)params;
	(void)result; /* none */
}

static const struct component_host_function environment_functions[] = {
	{"get-environment", "() -> list<tuple<string, string>>", get_environment},
	{"get-arguments", "() -> list<string>", get_arguments},
	{"initial-cwd", "() -> option<string>", initial_cwd},
};
const struct component_host_interface p2_environment = {"wasi:cli/environment@0.2",
							environment_functions,
							P2_COUNT(environment_functions), NULL, 0};

/* --- exit --- */

_Noreturn static void end(int32_t status)
{
	for (;;)
		(void)mote_exit(mote_area(), status);
}

static void exit_by_result(struct component_call *call, const void *params, void *result)
{
	(void)call;
	(void)result;
	end(*(const uint8_t *)params);
}

static const struct component_host_function exit_functions[] = {
	{"exit", "(result<_, _>)", exit_by_result},
	{"exit-with-code", "(u8)", exit_by_result},
};
const struct component_host_interface p2_exit = {"wasi:cli/exit@0.2", exit_functions,
						 P2_COUNT(exit_functions), NULL, 0};

/* --- standard streams --- */

static void get_stdin(struct component_call *call, const void *params, void *result)
{
	const struct p2_object o = {.kind = P2_INPUT, .fd = 0};
	(void)params;
	*(uint32_t *)result = call_own(call, &p2_input_stream, p2_new(call, &o));
}

static void get_output(struct component_call *call, int32_t fd, uint32_t *result)
{
	const struct p2_object o = {.kind = P2_OUTPUT, .fd = fd};
	*result = call_own(call, &p2_output_stream, p2_new(call, &o));
}

static void get_stdout(struct component_call *call, const void *params, void *result)
{
	(void)params;
	get_output(call, 1, result);
}

static void get_stderr(struct component_call *call, const void *params, void *result)
{
	(void)params;
	get_output(call, 2, result);
}

static const struct component_host_function stdin_functions[] = {
	{"get-stdin", "() -> own input-stream", get_stdin},
};
static const struct component_host_function stdout_functions[] = {
	{"get-stdout", "() -> own output-stream", get_stdout},
};
static const struct component_host_function stderr_functions[] = {
	{"get-stderr", "() -> own output-stream", get_stderr},
};
const struct component_host_interface p2_stdin = {"wasi:cli/stdin@0.2", stdin_functions, 1, NULL,
						  0};
const struct component_host_interface p2_stdout = {"wasi:cli/stdout@0.2", stdout_functions, 1, NULL,
						   0};
const struct component_host_interface p2_stderr = {"wasi:cli/stderr@0.2", stderr_functions, 1, NULL,
						   0};

/* --- terminals --- */

static const struct component_host_resource terminal_input = {"terminal-input", p2_drop},
					    terminal_output = {"terminal-output", p2_drop};

struct some_handle {
	uint8_t is_some;
	uint32_t handle;
};

static void get_terminal(struct component_call *call, int32_t fd,
			 const struct component_host_resource *resource, struct some_handle *out)
{
	struct mote_termios t;
	const struct p2_object o = {.kind = P2_TERMINAL, .fd = fd};
	if (mote_tty_get(mote_area(), fd, &t) != 0)
		return;
	out->is_some = 1;
	out->handle = call_own(call, resource, p2_new(call, &o));
}

static void get_terminal_stdin(struct component_call *call, const void *params, void *result)
{
	(void)params;
	get_terminal(call, 0, &terminal_input, result);
}

static void get_terminal_stdout(struct component_call *call, const void *params, void *result)
{
	(void)params;
	get_terminal(call, 1, &terminal_output, result);
}

static void get_terminal_stderr(struct component_call *call, const void *params, void *result)
{
	(void)params;
	get_terminal(call, 2, &terminal_output, result);
}

static const struct component_host_resource *const input_resources[] = {&terminal_input};
static const struct component_host_resource *const output_resources[] = {&terminal_output};
static const struct component_host_function terminal_functions[] = {
	{"get-terminal-stdin", "() -> option<own terminal-input>", get_terminal_stdin},
	{"get-terminal-stdout", "() -> option<own terminal-output>", get_terminal_stdout},
	{"get-terminal-stderr", "() -> option<own terminal-output>", get_terminal_stderr},
};
const struct component_host_interface p2_terminal_input = {"wasi:cli/terminal-input@0.2", NULL, 0,
							   input_resources, 1};
const struct component_host_interface p2_terminal_output = {"wasi:cli/terminal-output@0.2", NULL, 0,
							    output_resources, 1};
const struct component_host_interface p2_terminal_stdin = {"wasi:cli/terminal-stdin@0.2",
							   &terminal_functions[0], 1, NULL, 0};
const struct component_host_interface p2_terminal_stdout = {"wasi:cli/terminal-stdout@0.2",
							    &terminal_functions[1], 1, NULL, 0};
const struct component_host_interface p2_terminal_stderr = {"wasi:cli/terminal-stderr@0.2",
							    &terminal_functions[2], 1, NULL, 0};
