-- SPDX-License-Identifier: Apache-2.0
-- Errors, which are longjmps: out of calls, coroutines, C functions and handlers; 10,000 of them.
print(_VERSION, select("#", pcall(error, {})), select(2, pcall(error, 7)))
print(select(2, pcall(function() local x = nil; return x.y end)))
local function deep(n) if n == 0 then error("deep") end return 1 + deep(n - 1) end
local n = 0
for _ = 1, 10000 do if not pcall(deep, 10) then n = n + 1 end end
print(n)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end error("end") end)
print(co(), co(), co(), pcall(co))
print(string.format("%q %5.2f", "a b", math.pi), #string.rep("x", 1000))
print(pcall(string.rep, "x", 1 << 40))
print(xpcall(function() error("e") end, function(m) return "handled: " .. m end))
error("last", 0)
