-- Lock a chat for one command, prolong the lock, or unlock it.
-- KEYS[7]: the chat's lock. KEYS[8]: the last fencing number.
-- ARGV: 'hold' | 'renew' | 'release', the job, its epoch, and how many ms to lock.
-- Returns the fencing number ('hold'), 1 ('renew', 'release'), or 0: the lock is not this claim's.
local LOCK, FENCE = KEYS[7], KEYS[8]
local act, id, epoch, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

-- Rises even after the server forgot what it was: its clock went on meanwhile.
local function next_fence()
  local last = tonumber(redis.call('GET', FENCE) or 0)
  local fence = string.format('%.0f', math.max(last + 1, NOW))
  redis.call('SET', FENCE, fence)
  return fence
end

local lock = redis.call('HMGET', LOCK, 'job', 'epoch', 'fence')
local own = lock[1] == id and lock[2] == epoch

if act == 'hold' then
  -- An earlier delivery of the same command has lost its lease; its lock goes with it.
  local inherited = lock[1] == id and tonumber(lock[2]) < tonumber(epoch)
  if lock[1] and not own and not inherited then return 0 end
  local fence = own and lock[3] or next_fence()
  redis.call('HSET', LOCK, 'job', id, 'epoch', epoch, 'fence', fence)
  redis.call('PEXPIRE', LOCK, ttl)
  return tonumber(fence)
end

if not own then return 0 end
if act == 'renew' then
  redis.call('PEXPIRE', LOCK, ttl)
else
  redis.call('DEL', LOCK)
end
return 1
