# SPDX-License-Identifier: Apache-2.0
# The compiler wrapper for native guests.
$(B)/mote-cc: guest/sdk/mote-cc
	@mkdir -p $(@D)
	install -m 755 $< $@
