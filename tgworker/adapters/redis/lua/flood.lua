-- Enter a rest that Telegram wants; one that ends later stays as it is.
-- KEYS[7]: the rest's key. ARGV: how long, in ms.
local FLOOD, ttl = KEYS[7], tonumber(ARGV[1])

if redis.call('PTTL', FLOOD) < ttl then redis.call('SET', FLOOD, NOW + ttl, 'PX', ttl) end
