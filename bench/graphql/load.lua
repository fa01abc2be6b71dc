-- wrk's requests: one line of the file for each, a DPoP proof, a tab, and what
-- stands for "%KEY%" in the body. When they run out, so do the proofs: the
-- server then refuses, which the benchmark counts as a fault.
local lines, at, head, tail = {}, 0, "", nil

function init(args)
	for l in io.lines(args[1]) do lines[#lines + 1] = l end
	local f = assert(io.open(args[2]))
	local body = f:read("*a")
	f:close()
	local from, to = body:find("%KEY%", 1, true)
	head = body
	if from then head, tail = body:sub(1, from - 1), body:sub(to + 1) end
end

function request()
	at = at + 1
	local proof, key = (lines[at] or "\t"):match("^([^\t]*)\t(.*)$")
	if proof ~= "" then wrk.headers["DPoP"] = proof end
	if tail then return wrk.format("POST", nil, nil, head .. key .. tail) end
	return wrk.format("POST", nil, nil, head)
end

function done(summary, latency, requests)
	local e = summary.errors
	io.write(string.format("\nRESULT %d %d %d %d %g %g\n", summary.requests, summary.duration, summary.bytes,
		e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
