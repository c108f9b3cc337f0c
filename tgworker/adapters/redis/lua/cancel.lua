-- Ask for commands to be stopped. A worker ends each of them and says so: one that rests or waits becomes due at once.
-- ARGV: 'jobs' and job numbers, or 'waiting', a payload and a command_id.
-- Returns what each of the jobs was: 'parked', 'running', or '' if it is over; for a payload, the number of the job it
-- became, or 0 if it does not wait any more.
local function cancel(id)
  local state = redis.call('HGET', JOB .. id, 'state')
  if state ~= 'running' and state ~= 'parked' then return '' end
  redis.call('HSET', JOB .. id, 'cancelled', 1)
  if state == 'parked' then park(id, NOW) end
  return state
end

if ARGV[1] == 'waiting' then
  if redis.call('LREM', QUEUE, 1, ARGV[2]) == 0 then return 0 end
  local id = new_job(ARGV[2], ARGV[3])
  park(id, NOW)
  cancel(id)
  return tonumber(id)
end

local states = {}
for i = 2, #ARGV do states[#states + 1] = cancel(ARGV[i]) end
return states
