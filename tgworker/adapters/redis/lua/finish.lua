-- Give a job up.
-- ARGV: job, epoch, 'done' | 'parked' | 'dead', and for these: nothing | ms to rest | the reason.
-- Returns 1 if the worker held the job, or gave it up in this way before; else 0, and nothing is changed.
local id, epoch, outcome, detail = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local TOMBSTONE_KEPT_MS = 3600 * 1000

if not holds(id, epoch) then
  local job = redis.call('HMGET', JOB .. id, 'state', 'epoch')
  return (job[1] == outcome and job[2] == epoch) and 1 or 0
end

if outcome == 'done' then
  redis.call('ZREM', LEASE, id)
  redis.call('ZREM', PARKED, id)
  redis.call('DEL', JOB .. id)
  redis.call('HSET', JOB .. id, 'state', 'done', 'epoch', epoch)
  redis.call('PEXPIRE', JOB .. id, TOMBSTONE_KEPT_MS)
elseif outcome == 'parked' then
  park(id, NOW + tonumber(detail))
  redis.call('HSET', JOB .. id, 'state', 'parked')
  if redis.call('HEXISTS', JOB .. id, 'exhausted') == 0 then
    redis.call('HINCRBY', JOB .. id, 'deliveries', -1)
  end
else
  bury(id, detail)
end
return 1
