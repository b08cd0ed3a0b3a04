# SPDX-License-Identifier: Apache-2.0
# inotify in containers: of volumes that the host changes, of the container's own root, and of nothing else.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154

KIND=native

# saw NAME LINES WHAT: what a container that watches has printed.
saw() { is "$(cat "$CASE_DIR/$1.log")" "ready"$'\n'"$2" "$3"; }

# As editors save: the link and the file that it leads to are watched apart.
test_inotify_of_a_volume() { # core
	local volume=$CASE_DIR/volume id
	mkdir -p "$volume/d"
	for id in rw ro; do
		echo text >"$volume/d/file"
		ln -sfn file "$volume/d/link"
		rm -f "$volume/d/end"
		start --mount "type=bind,src=$volume,dst=/volume,options=rbind:$id" -- "$id" watch /volume/d /volume/d/link /volume/d/link
		log_has "$id" ready
		echo more >>"$volume/d/file"
		mv "$volume/d/file" "$volume/d/moved"
		rm "$volume/d/link" "$volume/d/moved"
		touch "$volume/d/end"
		finish "$id" 0
		saw "$id" $'2 2 \n1 40 file\n1 80 moved\n3 4 \n3 400 \n3 8000 \n1 200 link\n2 400 \n2 8000 \n1 200 moved\n1 100 end' \
			"a volume of $id"
	done
}

# A second process of the container changes what the first watches, by the names that both know.
test_inotify_of_the_root() { # core
	start one watch / /probe
	log_has one ready
	timeout 1000 ctr task exec --exec-id x one /probe write /made x >"$out" 2>"$err" </dev/null || fail 'ctr task exec'
	# What it writes ends the container, which may end it as well.
	timeout 1000 ctr task exec --exec-id y one /probe write /end x >"$out" 2>"$err" </dev/null || is $? 137 'ctr task exec'
	finish one 0
	local way
	saw one $'1 100 made\n1 100 end' 'its root'
	for way in /proc/version /dev/null /sys/kernel; do
		run two watch "$way" /probe
		is "$status: $(cat "$out")$(cat "$err")" "1: probe: $way: Permission denied" "a watch of $way"
	done
}
