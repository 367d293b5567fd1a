{{ greenhouse_v3.stage('sources') }}
