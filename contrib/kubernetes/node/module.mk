# SPDX-License-Identifier: Apache-2.0
# What the image of contrib/kubernetes/node has besides Debian's curl, jq and certificates.
NODE_IMAGE := $(B)/node-image/usr/local
$(NODE_IMAGE)/share/mote/probe.wasm: contrib/kubernetes/node/probe.c $(B)/mote-cc
	@mkdir -p $(@D)
	$(B)/mote-cc --wasm -O2 $< -o $@
$(NODE_IMAGE)/bin/mote-node: contrib/kubernetes/node/mote-node
	install -D -m 755 $< $@
$(NODE_IMAGE)/bin/%: $(B)/%
	install -D -m 755 $< $@
node-image: $(addprefix $(NODE_IMAGE)/bin/,mote containerd-shim-mote-v1 mote-node) $(NODE_IMAGE)/share/mote/probe.wasm
.PHONY: node-image
