-- Ask for commands to be stopped. A worker ends each of them and says so: one that rests or waits becomes due at once.
-- ARGV: 'jobs' and job numbers, or 'waiting', a payload and a command_id.
-- Returns how many were found.
local function cancel(id)
  local state = redis.call('HGET', JOB .. id, 'state')
  if state ~= 'running' and state ~= 'parked' then return 0 end
  redis.call('HSET', JOB .. id, 'cancelled', 1)
  if state == 'parked' then park(id, NOW) end
  return 1
end

if ARGV[1] == 'waiting' then
  if redis.call('LREM', QUEUE, 1, ARGV[2]) == 0 then return 0 end
  local id = new_job(ARGV[2], ARGV[3])
  park(id, NOW)
  return cancel(id)
end

local found = 0
for i = 2, #ARGV do found = found + cancel(ARGV[i]) end
return found
