# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2162,SC2154
# What a shell does by itself, without another process; for bash and zsh, which print the same everywhere.
x=5
for i in 1 2 3; do
	x=$((x * i))
	echo "i=$i x=$x"
done
a=(one two three)
echo "${a[@]}" "${#a[@]}"
echo "text" >out.txt
echo more >>out.txt
while read -r l; do echo "got $l"; done <out.txt
[[ -f out.txt && ! -d out.txt && -w out.txt && -s out.txt ]] && echo file
printf '%s-%d\n' abc 42
case x$x in x1*) echo no ;; x3*) echo match ;; esac
f() {
	local y=$1
	echo "f $y"
	return 3
}
f hi
echo $?
cd sub && for g in *; do echo "$g"; done
cd ..
for g in *; do echo "$g"; done
read -r line
echo "stdin $line"
trap 'echo bye' EXIT
exec 3<out.txt
read -u 3 z
echo "$z"
exec 3<&-
: >/dev/null
umask 077
echo "${x/0/zero} ${#x}" 2>&1
exit 4
