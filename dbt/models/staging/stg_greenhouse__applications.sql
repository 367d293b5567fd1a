{{ greenhouse_v3.stage('applications') }}
