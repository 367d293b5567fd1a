{{ greenhouse_v3.stage('users') }}
