{{ greenhouse_v3.stage('jobs') }}
