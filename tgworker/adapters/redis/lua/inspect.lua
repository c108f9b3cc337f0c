-- A look at the whole queue at one moment.
-- ARGV: how many running and how many parked jobs to tell of at most (-1: all).
-- Returns {depth, dead, {running: how many, jobs}, {parked: how many, jobs}},
-- a job being {id, ms until its lease ends or it is due, payload, command_id, deliveries, worker, cancelled}.
local limit = tonumber(ARGV[1])

local function list(set)
  local jobs = {}
  local members = redis.call('ZRANGE', set, 0, limit < 0 and -1 or limit - 1, 'WITHSCORES')
  for i = 1, #members, 2 do
    local job = redis.call('HMGET', JOB .. members[i],
      'payload', 'command_id', 'deliveries', 'worker', 'cancelled')
    jobs[#jobs + 1] = {tonumber(members[i]), members[i + 1] - NOW,
      job[1] or '', job[2] or '', tonumber(job[3] or 0), job[4] or '', tonumber(job[5] or 0)}
  end
  return {redis.call('ZCARD', set), jobs}
end

return {redis.call('LLEN', QUEUE), redis.call('LLEN', DEAD), list(LEASE), list(PARKED)}
