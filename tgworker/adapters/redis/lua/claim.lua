-- Hand the next job to a worker.
--
-- KEYS[7]: the worker's last claim.
-- ARGV: the worker's session, the number of its attempt, a command_id for a new job, the worker's name,
--       its lease in ms, how often a job may be handed out.
-- Returns {id, epoch, payload, command_id, deliveries, cancelled, exhausted} ({} if none is due)
--         (cancelled and exhausted are 0 or 1) and ms until the next job may be due (-1: none): a parked one,
--         or one whose lease ends.
--
-- A job that was handed out so often and never given up is exhausted: it is handed out once more to be buried. Only the
-- worker that has told of its end puts it among the dead, so that no crash can swallow that end.
--
-- An attempt is answered once. Sent again, because its reply was lost, it gets the same job while the worker holds it,
-- and never another one: so an old request that arrives late can't take a job for nobody.
local CLAIM = KEYS[7]
local session, attempt, command_id, worker = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local ttl, max_deliveries = tonumber(ARGV[5]), tonumber(ARGV[6])
local BATCH = 100
local CLAIM_KEPT_MS = 24 * 3600 * 1000

local function answer(id)
  local job = redis.call('HMGET', JOB .. id,
    'epoch', 'payload', 'command_id', 'deliveries', 'cancelled', 'exhausted')
  return {tonumber(id), tonumber(job[1]), job[2], job[3], tonumber(job[4]),
    tonumber(job[5] or 0), tonumber(job[6] or 0)}
end

local function next_due()
  local soonest
  for _, set in ipairs({PARKED, LEASE}) do
    local at = tonumber(redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2])
    if at and (not soonest or at < soonest) then soonest = at end
  end
  return soonest and math.max(0, soonest - NOW) or -1
end

-- Jobs whose worker was not heard of again are due at once.
local function collect_expired()
  local expired = redis.call('ZRANGEBYSCORE', LEASE, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, BATCH)
  for i = 1, #expired, 2 do park(expired[i], expired[i + 1]) end
end

-- Being handed out to be buried is no delivery.
local function count_delivery(id)
  if tonumber(redis.call('HGET', JOB .. id, 'deliveries')) >= max_deliveries then
    redis.call('HSET', JOB .. id, 'exhausted', 1)
  elseif redis.call('HEXISTS', JOB .. id, 'exhausted') == 0 then
    redis.call('HINCRBY', JOB .. id, 'deliveries', 1)
  end
end

-- The next job, made of the list's head if none is due; nil if there is nothing.
local function next_job()
  while true do
    local due = redis.call('ZRANGEBYSCORE', PARKED, '-inf', NOW, 'LIMIT', 0, 1)
    if not due[1] then break end
    if redis.call('HEXISTS', JOB .. due[1], 'payload') == 1 then return due[1] end
    redis.call('ZREM', PARKED, due[1])  -- a server short of memory threw the job itself away
  end
  local payload = redis.call('LPOP', QUEUE)
  return payload and new_job(payload, command_id)
end

local last = redis.call('HMGET', CLAIM, 'session', 'attempt', 'job', 'epoch')
if last[1] == session and attempt <= tonumber(last[2]) then
  if attempt == tonumber(last[2]) and last[3] and holds(last[3], last[4]) then
    lease(last[3], ttl)
    return {answer(last[3]), next_due()}
  end
  return {{}, next_due()}
end

collect_expired()
local id = next_job()
redis.call('DEL', CLAIM)
redis.call('HSET', CLAIM, 'session', session, 'attempt', attempt)
redis.call('PEXPIRE', CLAIM, CLAIM_KEPT_MS)
if not id then return {{}, next_due()} end

lease(id, ttl)
redis.call('HSET', JOB .. id, 'state', 'running', 'worker', worker)
count_delivery(id)
redis.call('HSET', CLAIM, 'job', id, 'epoch', redis.call('HINCRBY', JOB .. id, 'epoch', 1))
return {answer(id), next_due()}
