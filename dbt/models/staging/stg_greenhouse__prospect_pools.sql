{{ greenhouse_v3.stage('prospect_pools') }}
