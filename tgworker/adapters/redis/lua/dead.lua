-- Look at the dead.
-- ARGV: the first and the last place in the list, as LRANGE takes them.
-- Returns {id, payload, command_id, reason, deliveries, died_at} of each; a job the server threw away has no payload.
local jobs = {}
for _, id in ipairs(redis.call('LRANGE', DEAD, ARGV[1], ARGV[2])) do
  local job = redis.call('HMGET', JOB .. id, 'payload', 'command_id', 'reason', 'deliveries', 'died_at')
  jobs[#jobs + 1] = {tonumber(id), job[1] or false, job[2] or '', job[3] or '',
    tonumber(job[4] or 0), tonumber(job[5] or 0)}
end
return jobs
