{{ greenhouse_v3.stage('notes') }}
