{{ greenhouse_v3.stage('offers') }}
