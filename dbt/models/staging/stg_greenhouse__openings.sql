{{ greenhouse_v3.stage('openings') }}
