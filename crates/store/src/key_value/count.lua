-- Counts one in each of the windows KEYS. ARGV: our clock's instant and then each window's length, all
-- in milliseconds: the server's own clock decides nothing, its expiry only tidies up.
local now = tonumber(ARGV[1])
local told = {}
for place, key in ipairs(KEYS) do
  local length = tonumber(ARGV[place + 1])
  local kept = redis.call('HMGET', key, 'count', 'ends')
  local count, ends = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
  -- One that ends later than a new one would was begun before our clock was moved back.
  if ends <= now or ends > now + length then
    count, ends = 0, now + length
  end
  count = count + 1
  redis.call('HSET', key, 'count', string.format('%d', count), 'ends', string.format('%d', ends))
  redis.call('PEXPIRE', key, string.format('%d', length + 60000))
  told[#told + 1] = count
  told[#told + 1] = ends
end
return told
