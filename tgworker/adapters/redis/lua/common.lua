-- What every script begins with. A script runs alone and whole, by the server's clock: workers' clocks may differ.
-- KEYS[6] is the beginning of the jobs' keys; the job's number follows it.
local QUEUE, LEASE, PARKED, DEAD, SEQ, JOB = unpack(KEYS, 1, 6)

local time = redis.call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000)

-- A worker holds a job until somebody else gets it: a lease that ended while nobody asked is still good.
local function holds(id, epoch)
  local job = redis.call('HMGET', JOB .. id, 'state', 'epoch')
  return job[1] == 'running' and job[2] == epoch
end

local function lease(id, ttl)
  redis.call('ZREM', PARKED, id)
  redis.call('ZADD', LEASE, NOW + ttl, id)
end

local function park(id, due)
  redis.call('ZREM', LEASE, id)
  redis.call('ZADD', PARKED, due, id)
end

local function bury(id, reason)
  redis.call('ZREM', LEASE, id)
  redis.call('ZREM', PARKED, id)
  redis.call('HSET', JOB .. id, 'state', 'dead', 'reason', reason, 'died_at', NOW)
  redis.call('RPUSH', DEAD, id)
end

local function new_job(payload, command_id)
  local id = tostring(redis.call('INCR', SEQ))
  redis.call('HSET', JOB .. id,
    'payload', payload, 'command_id', command_id, 'state', 'parked', 'epoch', 0, 'deliveries', 0)
  return id
end
