{{ greenhouse_v3.stage('prospect_pool_stages') }}
