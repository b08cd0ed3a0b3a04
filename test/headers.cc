// SPDX-License-Identifier: Apache-2.0
// libmote from C++: every header, the values, a call that is refused.
#include <mote/call.h>
#include <mote/mote.h>
#include <mote/value.h>
#include <mote/wit.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

static int echo(void *, mote_sandbox *, const mote_value *args, size_t, mote_value *result, mote_error *)
{
	*result = args[0];
	return 0;
}

int main()
{
	mote_function function = {"echo", "s:s", echo, nullptr};
	mote_value text = mote_string("text"), number = mote_f64(0.5), bytes = mote_bytes("ab", 2), result = {};
	mote_error error = {};
	if (echo(nullptr, nullptr, &text, 1, &result, &error) || std::strcmp(result.of.string.text, "text") || number.of.f64 != 0.5 ||
	    bytes.of.bytes.len != 2 || mote_void().type != MOTE_VOID || !mote_boolean(true).of.boolean)
		return 1;
	mote_options options = {};
	options.size = sizeof(options);
	options.functions = &function;
	options.function_count = 1;
	mote_sandbox *sandbox = nullptr;
	if (mote_sandbox_new(&options, &sandbox, &error) != -EINVAL || !error.text[0])
		return 2;
	std::puts(mote_version());
	return 0;
}
