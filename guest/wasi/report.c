/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to the user about the module: traps with backtraces, modules that cannot be run. */
#include "guest/wasi/report.h"

#include "guest/wasi/demangle.h"
#include "guest/wasi/state.h"

#define LX_SIGABRT   6
#define FRAMES_SHOWN 20  /* of a backtrace */
#define NAME_SHOWN   160 /* bytes */

const char *wasi_program_name(void)
{
	const char *path = wasi_boot_string(wasi.boot->program_path);
	const char *slash = strrchr(path, '/');
	if (!slash)
		return path;
	return slash + 1;
}

_Noreturn void wasi_end(int32_t status)
{
	for (;;)
		(void)mote_exit(mote_area(), status);
}

/* --- traps --- */

const char *wasi_trap_text(const struct wasm_stop *stop)
{
	if (stop->message[0])
		return stop->message;
	return wasm_trap_text(stop->code);
}

static int shown_bytes(const struct wasm_name *name)
{
	if (name->bytes > NAME_SHOWN)
		return NAME_SHOWN;
	return (int)name->bytes;
}

static size_t put_name(char *to, size_t size, const struct wasm_name *name)
{
	if (size > NAME_SHOWN)
		size = NAME_SHOWN;
	return demangle(name->text, name->bytes, to, size);
}

/* As DWARF has it, else the name section. */
static size_t put_function(char *to, size_t size, const struct wasm_frame *f,
			   const struct wasm_sources *sources)
{
	if (sources->count && sources->of[0].function.bytes)
		return put_name(to, size, &sources->of[0].function);
	if (!f->name.bytes)
		return lib_format(to, size, "<wasm function %u>", f->func_index);
	return put_name(to, size, &f->name);
}

/* One line a frame, in wasmtime's form. */
static void print_frame(uint32_t i, const struct wasm_frame *f, const struct wasm_sources *sources)
{
	char line[400];
	size_t n = lib_format(line, sizeof(line) - 1, "  %4u: 0x%x - ", i, f->offset);
	if (f->module.bytes)
		n += lib_format(line + n, sizeof(line) - 1 - n, "%.*s!", shown_bytes(&f->module),
				f->module.text);
	else
		n += lib_format(line + n, sizeof(line) - 1 - n, "%s!", wasi_program_name());
	n += put_function(line + n, sizeof(line) - 1 - n, f, sources);
	line[n++] = '\n';
	lib_write(2, line, n);
}

/* The function that the one before was inlined into. */
static void print_caller(const struct wasm_source *source)
{
	char line[400];
	size_t n = lib_format(line, sizeof(line) - 1, "                - ");
	if (source->function.bytes)
		n += put_name(line + n, sizeof(line) - 1 - n, &source->function);
	else
		n += lib_format(line + n, sizeof(line) - 1 - n, "<inlined function>");
	line[n++] = '\n';
	lib_write(2, line, n);
}

/* A path's part, with a slash after it; the next part makes it meaningless if that is absolute. */
static size_t put_directory(char *to, size_t size, const struct wasm_name *part,
			    const struct wasm_name *next)
{
	if (!part->bytes || (next->bytes && next->text[0] == '/'))
		return 0;
	return lib_format(to, size, "%.*s/", shown_bytes(part), part->text);
}

static void print_source(const struct wasm_source *source)
{
	char line[700];
	const size_t capacity = sizeof(line) - 1;
	const struct wasm_name *inner = &source->directory;
	if (!source->line)
		return;
	if (!inner->bytes || (source->file.bytes && source->file.text[0] == '/'))
		inner = &source->file;
	size_t n = lib_format(line, capacity, "                    at ");
	n += put_directory(line + n, capacity - n, &source->base, inner);
	n += put_directory(line + n, capacity - n, &source->directory, &source->file);
	n += lib_format(line + n, capacity - n, "%.*s:%u", shown_bytes(&source->file),
			source->file.text, source->line);
	if (source->column)
		n += lib_format(line + n, capacity - n, ":%u", source->column);
	line[n++] = '\n';
	lib_write(2, line, n);
}

static void print_reason(const struct wasm_stop *stop)
{
	char line[120];
	const struct wasm_access *a = &stop->access;
	lib_error("%s: wasm trap: %s", wasi_program_name(), wasi_trap_text(stop));
	if (stop->code == WASM_TRAP_MEMORY && a->known)
		lib_write(
			2, line,
			lib_format(line, sizeof(line),
				   "   memory fault at wasm address 0x%lx in linear memory of size "
				   "0x%lx\n",
				   a->address, a->memory_bytes));
}

void wasi_report_trap(const struct wasm_stop *stop)
{
	static struct wasm_sources sources[FRAMES_SHOWN];
	uint32_t count = stop->frame_count;
	if (count > FRAMES_SHOWN)
		count = FRAMES_SHOWN;
	print_reason(stop);
	wasi.reporting = true;
	wasm_find_sources(stop->frames, count, sources);
	for (uint32_t i = 0; i < count; i++) {
		print_frame(i, &stop->frames[i], &sources[i]);
		for (uint32_t k = 0; k < sources[i].count; k++) {
			if (k)
				print_caller(&sources[i].of[k]);
			print_source(&sources[i].of[k]);
		}
	}
	wasi.reporting = false;
	if (stop->truncated || count < stop->frame_count)
		lib_write(2, "   ...\n", 7);
}

_Noreturn void wasi_end_by_trap(const struct wasm_stop *stop)
{
	wasi_report_trap(stop);
	for (;;)
		(void)mote_exit_signal(mote_area(), LX_SIGABRT);
}

/* --- modules that cannot be run --- */

_Noreturn void wasi_refuse(const char *fmt, ...)
{
	char text[500];
	va_list ap;
	va_start(ap, fmt);
	lib_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	lib_error("%s: %s", wasi_program_name(), text);
	wasi_end(WASI_CANNOT_RUN);
}

_Noreturn static void refuse(const char *what, const struct wasm_error *error)
{
	switch (error->kind) {
	case WASM_ERROR_MALFORMED:
	case WASM_ERROR_INVALID:
		wasi_refuse("not a valid WebAssembly %s: %s (at offset 0x%lx)", what,
			    error->message, error->offset);
	case WASM_ERROR_UNSUPPORTED:
		wasi_refuse("%s (at offset 0x%lx)", error->message, error->offset);
	case WASM_ERROR_MEMORY:
		wasi_refuse("the memory limit of %lu KiB is too small: %s",
			    wasi.boot->memory_bytes >> 10, error->message);
	case WASM_ERROR_LIMIT:
	case WASM_ERROR_LINK:
	case WASM_ERROR_TRAP:
		break;
	}
	wasi_refuse("%s", error->message);
}

_Noreturn void wasi_refuse_module(const struct wasm_error *error)
{
	refuse("module", error);
}

_Noreturn void wasi_refuse_component(const struct wasm_error *error)
{
	refuse("component", error);
}
