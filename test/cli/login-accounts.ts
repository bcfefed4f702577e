// A configuration with accounts of every kind of credential, and a key for one more.

export const claudeKey = "sk-ant-api03-AAAAbbbbCCCC";

export const accounts = `# Mine
api_keys = ["client"]

[[accounts]] # the first
id = "claude"
type = "claude-api"
api_key = "sk-ant-api03-old" # of the team
priority = 200

[[accounts]]
id = "from-env"
type = "claude-api"
api_key_env = "A_VARIABLE"

[[accounts]]
id = "max"
type = "claude-oauth"
refresh_token = "sk-ant-ort01-old"

[[accounts]]
id = "google"
type = "gemini"
refresh_token = "1//0old"
api_url = "https://code-assist.example"
project = "mine"

[[accounts]]
id = "compatible"
type = "openai-responses"
api_key = "old"
api_url = "https://models.example/v1"
enabled = false
`;
