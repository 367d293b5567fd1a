{{ greenhouse_v3.stage('prospect_details') }}
