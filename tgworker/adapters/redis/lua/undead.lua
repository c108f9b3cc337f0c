-- Take jobs from among the dead: hand them out anew, as if for the first time, or throw them away.
-- ARGV: 'retry' or 'drop', and job numbers.
-- Returns the numbers of those that were dead; the others are left as they are.
local found = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  if redis.call('LREM', DEAD, 1, id) == 1 and redis.call('HEXISTS', JOB .. id, 'payload') == 1 then
    found[#found + 1] = tonumber(id)
    if ARGV[1] == 'drop' then
      redis.call('DEL', JOB .. id)
    else
      redis.call('HDEL', JOB .. id, 'reason', 'died_at', 'exhausted', 'cancelled')
      redis.call('HSET', JOB .. id, 'state', 'parked', 'deliveries', 0)
      park(id, NOW)
    end
  end
end
return found
