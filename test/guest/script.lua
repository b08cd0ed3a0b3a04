-- SPDX-License-Identifier: Apache-2.0
-- What Lua's own library asks of the system; prints the same everywhere.
local t = {}
for i = 1, 2000 do t[i] = (i * 7919) % 2003 end
table.sort(t)
print(t[1], t[1000], #t)
local f = assert(io.open("lua.txt", "w"))
for i = 1, 100 do f:write(i, " line\n") end
print(f:seek("set", 10), f:seek("end"))
f:close()
local n = 0
for line in io.lines("lua.txt") do n = n + #line end
print(n, os.rename("lua.txt", "lua2.txt"), os.remove("lua2.txt"), os.remove("none"))
print(string.format("%q %5.2f %x", "a\nb", math.pi, 255), ("hello world"):gsub("o", "0"))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(co(), co(), co(), pcall(error, "x"), os.date("!%Y-%m-%d", 86400), os.getenv("TZ"), os.clock() >= 0)
print(io.read("n"), io.read("l"), io.read("a"))
io.stderr:write("to stderr\n")
os.exit(5)
