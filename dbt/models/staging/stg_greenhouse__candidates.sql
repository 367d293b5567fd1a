{{ greenhouse_v3.stage('candidates') }}
