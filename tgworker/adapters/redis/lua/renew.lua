-- Prolong a lease.
-- ARGV: job, epoch, lease in ms.
-- Returns 'held', 'cancelled' (the lease is prolonged too: there is an end to be told) or 'lost'.
local id, epoch, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])

if not holds(id, epoch) then return 'lost' end
lease(id, ttl)
return redis.call('HEXISTS', JOB .. id, 'cancelled') == 1 and 'cancelled' or 'held'
